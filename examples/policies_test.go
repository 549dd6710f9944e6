package examples_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tallyman-io/tallyman/internal/dockertest"
	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/policy"
)

// TestNoCommitBreaksThePolicies does what the example's README says.
func TestNoCommitBreaksThePolicies(t *testing.T) {
	e := dockertest.Local(t)
	e.Images("tallyman/hello:1")
	a := applied(t, "policies", e.Owner, asItIs)
	file := filepath.Join(a.repo, "service.yaml")
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	change := func(from, to string) {
		if err := os.WriteFile(file, []byte(strings.Replace(string(good), from, to, 1)), 0o644); err != nil {
			t.Fatal(err)
		}
		a.commit(to)
	}
	refuses := func(want string, verbs ...string) {
		t.Helper()
		for _, verb := range verbs {
			if said, err := a.run(verb); err == nil || !strings.Contains(said, want) {
				t.Errorf("%s ended with %v:\n%s", verb, err, said)
			}
		}
		if n := len(services(t, e.Client, e.Owner)["hello"]); n != 7 {
			t.Errorf("%d replicas run of 7", n)
		}
	}
	change("replicas: 7", "replicas: 7\n  privileged: true")
	refuses(`service.yaml:2:1: Service "hello" breaks policy "no-privileged": privileged containers need a review by the platform team`, "validate", "plan", "apply")
	change("tallyman/hello:1", "elsewhere/hello:1")
	refuses(`breaks policy "our-images": images come from our own registry`, "validate", "plan", "apply")
	change("replicas: 7", "replicas: 1")
	refuses(`policy "few-removals": at most 5 removals at once`, "plan", "apply")
	change("replicas: 7", "replicas: 2")
	if said, err := a.run("apply"); err != nil {
		t.Errorf("apply ended with %v:\n%s", err, said)
	}
	if n := len(services(t, e.Client, e.Owner)["hello"]); n != 2 {
		t.Errorf("%d replicas run, want 2", n)
	}
}

// TestThePoliciesOfTheGuideDoWhatItSays holds documents to each policy that
// docs/policies.md shows. Those about plans are only read here.
func TestThePoliciesOfTheGuideDoWhatItSays(t *testing.T) {
	guide, err := os.ReadFile("../docs/policies.md")
	if err != nil {
		t.Fatal(err)
	}
	fsys := fstest.MapFS{}
	for _, block := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(guide), -1) {
		fsys["policies.yaml"] = &fstest.MapFile{Data: append(fileOf(fsys), block[1]...)}
	}
	set, err := manifest.Load(fsys, manifest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ours, labels := "image: 'registry.example.com/web:1', resources: {limits: {memory: 1GiB}}", "name: web, labels: {team: shop}"
	for _, c := range []struct{ kind, metadata, spec, breaks string }{
		{"Service", labels, ours, ""},
		{"Service", labels, ours + ", privileged: true", "no-privileged"},
		{"Service", labels, ours + ", sidecars: [{name: s, privileged: true, image: 'registry.example.com/s:1'}]", "no-privileged"},
		{"Job", labels, "when: preDeploy, image: 'registry.example.com.evil.org/web:1', resources: {limits: {memory: 1GiB}}", "our-images"},
		{"Service", labels, ours + ", mounts: [{bind: /var/run/docker.sock, path: /s}]", "nothing-of-the-host"},
		{"Service", labels, ours + ", networks: [host]", "nothing-of-the-host"},
		{"Service", labels, "image: 'registry.example.com/web:1'", "sized"},
		{"Service", labels, ours + ", environment: {DB_PASSWORD: hunter2}", "passwords-are-secrets"},
		{"Service", "name: web", ours, "owned"},
	} {
		doc := "apiVersion: tallyman/v1\nkind: " + c.kind + "\nmetadata: {" + c.metadata + "}\nspec: {" + c.spec + "}\n"
		judged, err := manifest.Load(fstest.MapFS{"web.yaml": {Data: []byte(doc)}}, manifest.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var broken []string
		for _, v := range policy.Check(set.Policies, judged) {
			broken = append(broken, v.Policy)
		}
		if strings.Join(broken, ", ") != c.breaks {
			t.Errorf("%s breaks %v, want %q", doc, broken, c.breaks)
		}
	}
}

func fileOf(fsys fstest.MapFS) []byte {
	if f := fsys["policies.yaml"]; f != nil {
		return append(f.Data, "---\n"...)
	}
	return nil
}
