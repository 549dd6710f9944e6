package desired_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/desired"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

func TestLocalHostWhereNoneIsDeclared(t *testing.T) {
	d := build(t, doc("Service", "web", "{image: web}"))
	if want := []model.Host{{Name: "local", Schedulable: true, Grace: model.DefaultFleet().Grace}}; !reflect.DeepEqual(d.Hosts, want) {
		t.Errorf("hosts %+v, want %+v", d.Hosts, want)
	}
	if d.Fleet != model.DefaultFleet() {
		t.Errorf("without a manifest the fleet is %+v", d.Fleet)
	}
	if d.Owner != options.Owner || d.Revision != options.Revision {
		t.Errorf("owner %q, revision %q", d.Owner, d.Revision)
	}
}

func TestHosts(t *testing.T) {
	d := build(t,
		"{apiVersion: tallyman/v1, kind: Host, metadata: {name: b, labels: {zone: x}}, spec: {endpoint: 'tcp://10.0.0.1:2376', "+
			"tls: {ca: /ca, cert: /cert, key: /key}, schedulable: false, drain: true, reserved: {cpus: 0.5, memory: 512MiB}, capacity: {cpus: 4}, "+
			"unreachableAfter: 1m, lostAfter: 0s, "+
			"taints: [{key: gpu, effect: PreferNoSchedule}, {key: gpu, effect: NoSchedule}, {key: arm, value: old, effect: NoSchedule}]}}\n",
		doc("Host", "a", "{endpoint: 'unix:///run/docker.sock'}"),
		doc("Fleet", "all", "{unreachableAfter: 10s, lostAfter: 20s, evictionRate: 3, evictionThreshold: 2}"),
		doc("Host", "c", "{endpoint: 'ssh://deploy@10.0.0.2', ssh: {identityFile: /id, knownHosts: /known}}"),
	)
	fleet := model.DefaultFleet()
	fleet.Grace, fleet.EvictionRate, fleet.EvictionThreshold = model.Grace{Unreachable: 10 * time.Second, Lost: 20 * time.Second}, 3, model.Portion{N: 2}
	if d.Fleet != fleet {
		t.Errorf("the fleet is %+v, want %+v", d.Fleet, fleet)
	}
	want := []model.Host{
		{Name: "a", Endpoint: "unix:///run/docker.sock", Schedulable: true, Grace: model.Grace{Unreachable: 10 * time.Second, Lost: 20 * time.Second}},
		{
			Name: "b", Endpoint: "tcp://10.0.0.1:2376", TLS: model.TLS{CA: "/ca", Cert: "/cert", Key: "/key"},
			Labels: map[string]string{"zone": "x"}, Drain: true,
			Taints:   []model.Taint{{Key: "arm", Value: "old", Effect: "NoSchedule"}, {Key: "gpu", Effect: "NoSchedule"}, {Key: "gpu", Effect: "PreferNoSchedule"}},
			Reserved: model.Resources{NanoCPUs: 5e8, Memory: 512 << 20}, Capacity: model.Resources{NanoCPUs: 4e9}, Grace: model.Grace{Unreachable: time.Minute},
		},
		{Name: "c", Endpoint: "ssh://deploy@10.0.0.2", SSH: model.SSH{IdentityFile: "/id", KnownHosts: "/known"}, Schedulable: true, Grace: model.Grace{Unreachable: 10 * time.Second, Lost: 20 * time.Second}},
	}
	if !reflect.DeepEqual(d.Hosts, want) {
		t.Errorf("got\n%+v\nwant\n%+v", d.Hosts, want)
	}
	if len(d.Apps) != 0 {
		t.Errorf("apps %+v, though nothing belongs to one", d.Apps)
	}
}

func TestDefaultsOfAService(t *testing.T) {
	d := build(t, doc("Service", "web", "{image: 'web:1'}"))
	app := d.Apps[0]
	if app.Name != "default" || app.OnFailure != "rollback" || !reflect.DeepEqual(app.Sync, model.DefaultSync()) {
		t.Errorf("app %+v", app)
	}
	network := app.Networks[0].HostName
	want := model.Service{
		App: "default", Name: "web", Mode: model.ModeReplicated, Replicas: 1, Pull: "missing",
		Container: model.ContainerSpec{
			Image: "web:1", StopGrace: 10 * time.Second,
			Networks:   []model.Attachment{{Network: network, Aliases: []string{"web"}}},
			Adjustable: model.Adjustable{Restart: model.Restart{Name: "unless-stopped"}},
		},
		Update: model.Update{Order: model.OrderAuto, Parallelism: model.Portion{N: 1}, Monitor: 5 * time.Second, Deadline: 5 * time.Minute},
	}
	want.Fingerprint = model.Fingerprint(want.Container)
	if !reflect.DeepEqual(app.Services[0], want) {
		t.Errorf("got\n%+v\nwant\n%+v", app.Services[0], want)
	}
}

func TestApps(t *testing.T) {
	d := build(t,
		doc("App", "shop", "{sync: {auto: false, prune: false, selfHeal: false, maxRemovals: 2}, onFailure: pause}"),
		doc("Service", "web", "{image: web, dependsOn: [db, cache]}"),
		doc("Service", "db", "{mode: global, image: db}"),
		doc("Service", "cache", "{replicas: 0, image: cache, pull: never}"),
	)
	app := d.Apps[0]
	if !reflect.DeepEqual(app.Sync, model.Sync{MaxRemovals: 2}) || app.OnFailure != "pause" {
		t.Errorf("app %+v", app)
	}
	var got []string
	for _, s := range app.Services {
		got = append(got, s.Name+" "+s.Mode+" "+s.Pull)
	}
	if want := []string{"cache replicated never", "db global missing", "web replicated missing"}; !reflect.DeepEqual(got, want) {
		t.Errorf("services %v, want %v", got, want)
	}
	if web := app.Services[2]; !reflect.DeepEqual(web.DependsOn, []string{"cache", "db"}) || app.Services[0].Replicas != 0 {
		t.Errorf("dependsOn %v, replicas %d", web.DependsOn, app.Services[0].Replicas)
	}
}

func TestPlacementAndUpdate(t *testing.T) {
	s := service(t, `{image: web, resources: {reservations: {cpus: 0.1, memory: 64MiB}},
		placement: {constraints: ["host.name != x", "host.labels.disk == ssd"], spread: [host.labels.zone, host.name], maxPerHost: 2},
		update: {order: stop-first, parallelism: 2, monitor: 1s, deadline: 1m, maxFailures: 3}}`)
	want := model.Placement{
		Constraints: []model.Constraint{{Attribute: "host.labels.disk", Operator: "==", Value: "ssd"}, {Attribute: "host.name", Operator: "!=", Value: "x"}},
		Spread:      []string{"host.labels.zone", "host.name"}, MaxPerHost: 2,
	}
	if !reflect.DeepEqual(s.Placement, want) {
		t.Errorf("placement %+v, want %+v", s.Placement, want)
	}
	if want := (model.Update{Order: "stop-first", Parallelism: model.Portion{N: 2}, Monitor: time.Second, Deadline: time.Minute, MaxFailures: model.Portion{N: 3}}); s.Update != want {
		t.Errorf("update %+v, want %+v", s.Update, want)
	}
	if s.Reserve != (model.Resources{NanoCPUs: 1e8, Memory: 64 << 20}) {
		t.Errorf("reserve %+v", s.Reserve)
	}
}

func TestWhatPlacementIsToldBesides(t *testing.T) {
	s := build(t, doc("Service", "cache", "{image: cache}"), doc("Service", "web", `{image: web, priority: 7, placement: {
		constraints: ["host.labels.zone in (b, a)", "host.labels.gpu exists"], spread: [host.name], maxSkew: 1, strategy: pack,
		tolerations: [{key: gpu, operator: Exists}, {key: gpu, value: a}], affinity: [cache], antiAffinity: [db]}}`), doc("Service", "db", "{image: db}")).Apps[0].Services[2]
	want := model.Placement{
		Constraints: []model.Constraint{{Attribute: "host.labels.gpu", Operator: "exists"}, {Attribute: "host.labels.zone", Operator: "in", Values: []string{"a", "b"}}},
		Tolerations: []model.Toleration{{Key: "gpu", Operator: "Equal", Value: "a"}, {Key: "gpu", Operator: "Exists"}},
		Spread:      []string{"host.name"}, MaxSkew: 1, Strategy: model.StrategyPack, Affinity: []string{"cache"}, AntiAffinity: []string{"db"},
	}
	if !reflect.DeepEqual(s.Placement, want) || s.Priority != 7 {
		t.Errorf("placement %+v, want %+v; priority %d", s.Placement, want, s.Priority)
	}
}

// What runs at one time counts together. Init containers run before that, one
// after the other.
func TestAPodReservesForAllItsContainers(t *testing.T) {
	const pod = `{image: web, resources: {reservations: {cpus: 0.5, memory: 100MiB}},
		sidecars: [{name: a, image: a, resources: {reservations: {memory: 20MiB}}}, {name: b, image: b}],
		initContainers: [{name: c, image: c, resources: {reservations: {cpus: 2, memory: 50MiB}}}]}`
	if got, want := service(t, pod).Reserve, (model.Resources{NanoCPUs: 2e9, Memory: 120 << 20}); got != want {
		t.Errorf("reserves %+v, want %+v", got, want)
	}
}

// A set that no Loader gives out, as a program could make one by hand.
func TestSetsThatDoNotFitTogether(t *testing.T) {
	for want, change := range map[string]func(*manifest.Set){
		`find config "c": there is none`:            func(s *manifest.Set) { s.Configs = nil },
		`find key "x" of config "c": there is none`: func(s *manifest.Set) { s.Services[0].Spec.Files[0].Key = "x" },
		`find app "default": there is none`:         func(s *manifest.Set) { s.Apps = nil },
	} {
		set := load(t, doc("Config", "c", "{data: {k: v}}"), doc("Service", "web", "{image: web, files: [{config: c, key: k, path: /k}]}"))
		change(set)
		if _, err := desired.Build(set, options); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
