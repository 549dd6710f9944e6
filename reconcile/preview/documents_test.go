package preview

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// load is a set of an app shop with these further documents of its folder, each as
// kind, name and spec.
func load(t *testing.T, app string, docs ...[3]string) *manifest.Set {
	t.Helper()
	text := doc("App", "shop", app)
	for _, d := range docs {
		text += doc(d[0], d[1], d[2])
	}
	set, err := manifest.Load(fstest.MapFS{
		"shop/all.yaml":  {Data: []byte(text)},
		"shop/sops.json": {Data: []byte(`{"url": "ENC[x]", "sops": {"mac": "m", "version": "3"}}`)},
	}, manifest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func doc(kind, name, spec string) string {
	return "apiVersion: tallyman/v1\nkind: " + kind + "\nmetadata: {name: " + name + "}\nspec: " + spec + "\n---\n"
}

const wanted = `{previews: {secrets: [open]}}`

func secret(name string) [3]string { return [3]string{"Secret", name, "{sops: sops.json}"} }

func service(spec string) [3]string {
	return [3]string{"Service", "web", "{image: web:1, " + spec + "}"}
}

// TestWhatReachesFurtherIsRefused, each with what it is.
func TestWhatReachesFurtherIsRefused(t *testing.T) {
	for spec, want := range map[string]string{
		`privileged: true`:                                      "privileged",
		`capAdd: [NET_ADMIN]`:                                   "capability NET_ADMIN",
		`devices: [{host: /dev/kvm}]`:                           "device",
		`networks: [host]`:                                      "the host's own network",
		`sysctls: {net.core.somaxconn: "9"}`:                    "sysctls",
		`logging: {driver: syslog}`:                             "logging",
		`mounts: [{bind: /srv, path: /srv}]`:                    "write to /srv",
		`mounts: [{bind: /srv, path: /srv, readOnly: true}]`:    "mounts /srv",
		`environment: {A: {secret: shut, key: url}}`:            `secret "shut"`,
		`files: [{secret: shut, key: url, path: /a}]`:           `secret "shut"`,
		`placement: {tolerations: [{key: gpu}]}`:                `taint "gpu"`,
		`sidecars: [{name: s, image: web:1, privileged: true}]`: `container "s" is privileged`,
		`initContainers: [{name: i, image: web:1, environment: {A: {secret: shut, key: url}}}]`: `container "i" uses secret "shut"`,
	} {
		head := load(t, wanted, service(spec), secret("shut"), secret("open"))
		_, err := Documents(load(t, wanted, service(`user: "1"`), secret("shut"), secret("open")), head, &Preview{App: "shop", Number: 42})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want it refused for %s", spec, err, want)
		}
		job := strings.HasPrefix(spec, "sidecars") || strings.HasPrefix(spec, "init")
		if job {
			continue
		}
		head = load(t, wanted, [3]string{"Job", "web", "{when: preDeploy, image: web:1, " + spec + "}"}, secret("shut"), secret("open"))
		if _, err := Documents(load(t, wanted, service(`user: "1"`), secret("shut"), secret("open")), head, &Preview{App: "shop", Number: 42}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("job with %s: %v, want it refused for %s", spec, err, want)
		}
	}
}

// TestWhatTheBranchHasToo is not refused, but for what is the real app's.
func TestWhatTheBranchHasToo(t *testing.T) {
	for spec, fine := range map[string]bool{
		`privileged: true`: true, `capAdd: [NET_ADMIN]`: true, `devices: [{host: /dev/kvm}]`: true,
		`mounts: [{bind: /srv, path: /srv, readOnly: true}]`: true, `logging: {driver: syslog}`: true,
		`environment: {A: {secret: open, key: url}}`: true, `placement: {tolerations: [{key: gpu}]}`: true,
		`networks: [host]`: false, `mounts: [{bind: /srv, path: /srv}]`: false, `environment: {A: {secret: shut, key: url}}`: false,
	} {
		set := load(t, wanted, service(spec), secret("shut"), secret("open"))
		if _, err := Documents(set, set, &Preview{App: "shop", Number: 42}); (err == nil) != fine {
			t.Errorf("%s: %v", spec, err)
		}
	}
}

// TestThingsAreThePreviewsOwn: whatever may be the real app's is refused.
func TestThingsAreThePreviewsOwn(t *testing.T) {
	for what, c := range map[string]struct{ thing, service string }{
		"external": {"{external: true}", ""}, "more than a local": {"{nfs: {server: nas, path: /x}}", ""},
		"more than a local one": {"{options: {type: none, o: bind, device: /}}", ""},
	} {
		set := load(t, wanted, [3]string{"Volume", "data", c.thing}, service("mounts: [{volume: data, path: /d}]"), secret("open"))
		if _, err := Documents(set, set, &Preview{App: "shop", Number: 42}); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("volume %s: %v", c.thing, err)
		}
	}
	for what, spec := range map[string]string{"external": "{external: true}", "macvlan": "{driver: macvlan}"} {
		set := load(t, wanted, [3]string{"Network", "front", spec}, service("networks: [front]"), secret("open"))
		if _, err := Documents(set, set, &Preview{App: "shop", Number: 42}); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("network %s: %v", spec, err)
		}
	}
	clash := load(t, wanted, [3]string{"Volume", "pr-42-data", "{}"}, secret("open"))
	head := load(t, wanted, [3]string{"Volume", "data", "{}"}, secret("open"))
	if _, err := Documents(clash, head, &Preview{App: "shop", Number: 42}); err == nil || !strings.Contains(err.Error(), "name of another app's") {
		t.Errorf("a volume that would be called as the real app's: %v", err)
	}
	if _, err := Documents(head, head, &Preview{App: "shop", Number: 42}); err != nil {
		t.Errorf("a volume of its own: %v", err)
	}
}

func TestWhatAPreviewIsMadeOf(t *testing.T) {
	base := load(t, `{dependsOn: [], pullSecrets: [], onFailure: rollback, previews: {hosts: "host.labels.for == previews", overrides: {replicas: 1}, secrets: [open]}}`,
		service("replicas: 3"), secret("open"))
	head := load(t, `{sync: {auto: false, windows: [{deny: "0 3 * * *", duration: 1h}]}}`,
		service(`replicas: 5, priority: 900, protect: true, deletionPolicy: orphan, minAvailable: 2, labels: {route: shop}, ports: [{port: 80, published: 8080}],
  networks: [front], placement: {constraints: ["host.arch == amd64"], affinity: [db]}, update: {canary: {replicas: 1, promoteAfter: manual}}`),
		[3]string{"Service", "db", "{image: db:1, mode: global}"}, [3]string{"Network", "front", "{subnet: 10.9.0.0/24, options: {a: b}}"}, secret("open"))
	set, err := Documents(base, head, &Preview{App: "shop", Number: 42})
	if err != nil {
		t.Fatal(err)
	}
	app := set.Apps[0]
	if app.Metadata.Name != "shop-pr-42" || app.Spec.OnFailure != model.OnFailurePause || !app.Spec.Sync.Auto || app.Spec.Sync.Windows != nil || app.Spec.Previews != nil {
		t.Errorf("the app is %+v", app)
	}
	for _, s := range set.Services {
		if s.App != "shop-pr-42" || s.Spec.Mode != "replicated" || *s.Spec.Replicas != 1 {
			t.Errorf("service %s of app %s has mode %s and %d replicas", s.Metadata.Name, s.App, s.Spec.Mode, *s.Spec.Replicas)
		}
	}
	web := set.Services[1].Spec
	if web.Protect || web.DeletionPolicy != "" || web.Labels != nil || web.Ports[0].Published != 0 || web.Placement.Affinity != nil || web.Update.Canary != nil || web.MinAvailable != (manifest.Portion{}) {
		t.Errorf("the service is %+v", web)
	}
	if len(web.Placement.Constraints) != 2 || web.Placement.Constraints[1].Attribute != "host.labels.for" {
		t.Errorf("it may be on hosts with %v", web.Placement.Constraints)
	}
	if n := set.Networks[0]; n.Spec.Subnet != "" || n.Spec.Options != nil {
		t.Errorf("the network is %+v", n.Spec)
	}
	if real := head.Services[1].Spec; real.Ports[0].Published != 8080 || len(real.Placement.Constraints) != 1 || *real.Replicas != 5 {
		t.Errorf("the pull request's own documents were changed: %+v", real)
	}
}

// TestSecretsAreTheBranchs: a pull request that puts another value under a listed
// name gets that of the branch.
func TestSecretsAreTheBranchs(t *testing.T) {
	base := load(t, wanted, service("environment: {A: {secret: open, key: url}}"), secret("open"))
	head := load(t, wanted, service("environment: {A: {secret: open, key: url}}"), secret("open"))
	head.Secrets[0].File = "elsewhere.yaml"
	set, err := Documents(base, head, &Preview{App: "shop", Number: 42})
	if err != nil {
		t.Fatal(err)
	}
	if len(set.Secrets) != 1 || set.Secrets[0].File != "shop/all.yaml" || set.Secrets[0].App != "shop-pr-42" {
		t.Errorf("secrets %+v", set.Secrets)
	}
}

func TestNamesThatDoNotFit(t *testing.T) {
	long := strings.Repeat("w", manifest.MaxServiceName-len("shop-pr-4"))
	set := load(t, wanted, [3]string{"Service", long, "{image: web:1}"}, secret("open"))
	if _, err := Documents(set, set, &Preview{App: "shop", Number: 4}); err != nil {
		t.Errorf("the longest name: %v", err)
	}
	if _, err := Documents(set, set, &Preview{App: "shop", Number: 42}); err == nil || !strings.Contains(err.Error(), "at most") {
		t.Errorf("a longer one: %v", err)
	}
	if _, err := Documents(load(t, "{}"), set, &Preview{App: "shop", Number: 4}); err == nil {
		t.Error("a preview of an app that wants none")
	}
}

// TestAnAppThatWasRenamedAsksForAMerge: the pull request is older than the name.
func TestAnAppThatWasRenamedAsksForAMerge(t *testing.T) {
	set, err := manifest.Load(fstest.MapFS{"store/all.yaml": {Data: []byte(doc("App", "store", wanted) + doc("Secret", "open", "{sops: sops.json}"))},
		"store/sops.json": {Data: []byte(`{"url": "ENC[x]", "sops": {"mac": "m", "version": "3"}}`)}}, manifest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = Documents(set, load(t, "{}"), &Preview{App: "store", Number: 42})
	if err == nil || !strings.Contains(err.Error(), `has no app "store", which the branch has; merge the branch into it`) {
		t.Errorf("it is refused for %v", err)
	}
}
