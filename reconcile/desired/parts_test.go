package desired_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/desired"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

const web = "{image: web}"

func network(t *testing.T, opts desired.Options, spec string) model.Network {
	t.Helper()
	d := buildFor(t, opts, doc("App", "shop", ""), doc("Network", "front", spec))
	return d.Apps[0].Networks[0]
}

// Containers can't be taken along when a network's settings change, so the
// changed one has another name and both exist side by side for a while.
func TestChangedNetworkIsAnotherNetwork(t *testing.T) {
	base := network(t, options, "")
	if !strings.HasPrefix(base.HostName, "shop-front-") || len(base.HostName) != len("shop-front-")+8 || base.Driver != "bridge" {
		t.Errorf("network %+v", base)
	}
	if again := network(t, options, "{driver: bridge, internal: false, options: {}}"); again.HostName != base.HostName {
		t.Errorf("the same network is called %s and %s", base.HostName, again.HostName)
	}
	if moved := network(t, desired.Options{Owner: "me", Revision: "other"}, ""); moved.HostName != base.HostName {
		t.Error("the commit is part of a network's name")
	}
	seen := map[string]string{base.HostName: "base"}
	for _, spec := range []string{"{internal: true}", "{driver: macvlan}", "{subnet: 10.1.0.0/16}", "{options: {a: b}}"} {
		name := network(t, options, spec).HostName
		if other, taken := seen[name]; taken {
			t.Errorf("%s and %s have the same name", spec, other)
		}
		seen[name] = spec
	}
	if other := network(t, desired.Options{Owner: "you"}, ""); seen[other.HostName] != "" {
		t.Error("two installations share a network")
	}
}

// Another network could not have the subnet while the old one is there, and
// nothing depends on a label.
func TestLabelsLeaveANetworkAsItIs(t *testing.T) {
	plain, labelled := network(t, options, "{subnet: 10.1.0.0/16}"), network(t, options, "{subnet: 10.1.0.0/16, labels: {a: b}}")
	if plain.HostName != labelled.HostName || labelled.Labels["a"] != "b" {
		t.Errorf("%+v became %+v", plain, labelled)
	}
}

// A volume holds data: whatever is changed, it stays the same one.
func TestChangedVolumeIsTheSameVolume(t *testing.T) {
	volume := func(owner, spec string) model.Volume {
		return buildFor(t, desired.Options{Owner: owner}, doc("App", "shop", ""), doc("Volume", "data", spec)).Apps[0].Volumes[0]
	}
	base := volume("me", "")
	if !strings.HasPrefix(base.HostName, "shop-data-") || base.Driver != "local" {
		t.Errorf("volume %+v", base)
	}
	changed := volume("me", "{driver: nfs, options: {a: b}, labels: {c: d}}")
	if changed.HostName != base.HostName || changed.Driver != "nfs" || changed.Options["a"] != "b" || changed.Labels["c"] != "d" {
		t.Errorf("volume %+v, was %+v", changed, base)
	}
	if volume("you", "").HostName == base.HostName {
		t.Error("two installations share a volume")
	}
}

func TestNetworkDefault(t *testing.T) {
	names := func(docs ...string) string {
		var all []string
		for _, n := range build(t, docs...).Apps[0].Networks {
			all = append(all, n.Name)
		}
		return strings.Join(all, " ")
	}
	front := doc("Network", "front", "")
	for want, docs := range map[string][]string{
		"default":       {doc("Service", "web", web)},
		"front":         {front, doc("Service", "web", "{image: web, networks: [front]}")},
		"default front": {front, doc("Service", "web", "{image: web, networks: [front, default]}")},
		"":              {doc("Volume", "data", "")},
	} {
		if got := names(docs...); got != want {
			t.Errorf("networks %q, want %q", got, want)
		}
	}
	declared := build(t, doc("Network", "default", "{internal: true}"), doc("Service", "web", web)).Apps[0]
	if len(declared.Networks) != 1 || !declared.Networks[0].Internal || declared.Services[0].Container.Networks[0].Network != declared.Networks[0].HostName {
		t.Errorf("networks %+v", declared.Networks)
	}
}

// The digest of an app decides whether a failed state is tried again.
func TestDigestChangesWithWhatMatters(t *testing.T) {
	digest := func(opts desired.Options, config, spec, app string) string {
		d := buildFor(t, opts, doc("App", "shop", app), doc("Config", "c", "{data: {k: "+config+"}}"), doc("Service", "web", spec))
		return d.Apps[0].Digest
	}
	const spec = "{image: web, files: [{config: c, key: k, path: /k}]}"
	base := digest(options, "v", spec, "")
	if other := digest(desired.Options{Owner: "me", Revision: "other"}, "v", spec, ""); other != base {
		t.Error("the commit is part of the digest")
	}
	for what, other := range map[string]string{
		"a file's content": digest(options, "w", spec, ""),
		"the image":        digest(options, "v", strings.Replace(spec, "web", "web2", 1), ""),
		"a limit":          digest(options, "v", strings.Replace(spec, "{", "{resources: {limits: {cpus: 1}}, ", 1), ""),
		"the replicas":     digest(options, "v", strings.Replace(spec, "{", "{replicas: 2, ", 1), ""),
		"the update":       digest(options, "v", strings.Replace(spec, "{", "{update: {deadline: 1m}, ", 1), ""),
		"the policy":       digest(options, "v", spec, "{onFailure: pause}"),
	} {
		if other == base {
			t.Errorf("%s is not part of the digest", what)
		}
	}
}

// TestVolumeOptions: the first-class forms are what the local driver takes.
func TestVolumeOptions(t *testing.T) {
	for spec, want := range map[string]map[string]string{
		"{nfs: {server: 10.0.0.9, path: /srv/data}}":                                 {"type": "nfs", "device": ":/srv/data", "o": "addr=10.0.0.9"},
		"{nfs: {server: nas.lan, path: /srv, options: [nfsvers=4.1, soft]}}":         {"type": "nfs", "device": ":/srv", "o": "addr=nas.lan,nfsvers=4.1,soft"},
		"{cifs: {server: nas.lan, share: backup/web, options: [guest, 'vers=3.0']}}": {"type": "cifs", "device": "//nas.lan/backup/web", "o": "addr=nas.lan,guest,vers=3.0"},
		"{tmpfs: {}}":           {"type": "tmpfs", "device": "tmpfs"},
		"{tmpfs: {size: 1MiB}}": {"type": "tmpfs", "device": "tmpfs", "o": "size=1048576"},
		"{driver: local, options: {type: ext4, device: /dev/sdb}}": {"type": "ext4", "device": "/dev/sdb"},
		"{}": nil,
	} {
		v := build(t, doc("Volume", "data", spec)).Apps[0].Volumes[0]
		if !reflect.DeepEqual(v.Options, want) || v.Driver != "local" {
			t.Errorf("%s: driver %q, options %v, want %v", spec, v.Driver, v.Options, want)
		}
	}
}

// TestExternal: what is external has its own name on the hosts, and no settings.
func TestExternal(t *testing.T) {
	app := build(t,
		doc("Volume", "a", "{external: true}"), doc("Volume", "b", "{external: {name: old_data.1}}"),
		doc("Network", "front", "{external: {name: proxy}}"),
		doc("Service", "web", "{image: web, networks: [front], mounts: [{volume: b, path: /b}]}")).Apps[0]
	if want := []model.Volume{{App: "default", Name: "a", HostName: "a", External: true, Exclusive: true}, {App: "default", Name: "b", HostName: "old_data.1", External: true, Exclusive: true}}; !reflect.DeepEqual(app.Volumes, want) {
		t.Errorf("volumes %+v, want %+v", app.Volumes, want)
	}
	if want := []model.Network{{App: "default", Name: "front", HostName: "proxy", External: true}}; !reflect.DeepEqual(app.Networks, want) {
		t.Errorf("networks %+v, want %+v", app.Networks, want)
	}
	c := app.Services[0].Container
	if c.Networks[0].Network != "proxy" || c.Mounts[0].Source != "old_data.1" {
		t.Errorf("the container joins %v and mounts %v", c.Networks, c.Mounts)
	}
}

// TestNetworksOfEveryHost: host and none are the engine's own.
func TestNetworksOfEveryHost(t *testing.T) {
	for _, name := range []string{"host", "none"} {
		app := build(t, doc("Service", "web", "{image: web, networks: ["+name+"]}")).Apps[0]
		if want := []model.Attachment{{Network: name}}; !reflect.DeepEqual(app.Services[0].Container.Networks, want) || len(app.Networks) != 0 {
			t.Errorf("%s: joins %v, and the app has networks %v", name, app.Services[0].Container.Networks, app.Networks)
		}
	}
}
