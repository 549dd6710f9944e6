package manifest_test

import (
	"testing"
	"testing/fstest"

	"github.com/tallyman-io/tallyman/manifest"
)

// One look finds all that is wrong, in whatever documents and of whatever sort.
func TestAllMistakesAtOnce(t *testing.T) {
	fsys := tree(
		"a.yaml", doc("Service", "a", "{image: a, replica: 2, networks: [nowhere], dependsOn: [b]}"),
		"b.yaml", doc("Service", "b", "{image: b, dependsOn: [a]}"),
		"c.yaml", doc("Config", "c", "{files: {k: gone.conf}}"),
		"h.yaml", docs(doc("Host", "x", "{endpoint: 'tcp://10.0.0.1:2376'}"), doc("Host", "y", "{endpoint: 'tcp://10.0.0.1:2376', cordon: true}")),
		"v.yaml", docs(doc("Volume", "v", ""), doc("Volume", "v", "{size: 1}")),
	)
	wantErrors(t, loadErrors(t, fsys, manifest.Options{}),
		`a.yaml:1:80: spec.replica: unknown field (did you mean replicas?)`,
		`a.yaml:1:103: spec.networks[0]: there is no Network "nowhere" in app "default"`,
		`a.yaml:1:125: spec.dependsOn[0]: services depend on each other in a circle: a → b → a`,
		`c.yaml:1:80: spec.files.k: file "gone.conf" does not exist`,
		`h.yaml:3:56: metadata.name: has the same endpoint as host "x" (the other one is at h.yaml:1:56)`,
		`h.yaml:3:100: spec.cordon: unknown field`,
		`v.yaml:3:58: metadata.name: Volume "v" exists already (the other one is at v.yaml:1:58)`,
		`v.yaml:3:69: spec.size: unknown field`,
	)
}

// Nothing is reported that is only the consequence of another mistake.
func TestNoMistakeIsReportedTwice(t *testing.T) {
	user := doc("Service", "web", "{image: web, networks: [front], files: [{config: c, key: k, path: /k}]}")
	parts := docs(doc("Network", "front", ""), doc("Config", "c", "{data: {k: v}}"))
	for name, fsys := range map[string]fstest.MapFS{
		"a broken document still has its name":   tree("web.yaml", user, "n.yaml", doc("Network", "front", "{internl: true}"), "c.yaml", doc("Config", "c", "{data: {k: v}}")),
		"a broken Config may have the key":       tree("web.yaml", user, "n.yaml", doc("Network", "front", ""), "c.yaml", doc("Config", "c", "{dat: {k: v}, files: {a: a}}"), "a", ""),
		"a file that is no YAML may hold it":     tree("web.yaml", user, "n.yaml", "{", "c.yaml", doc("Config", "c", "{data: {k: v}}")),
		"a kind nobody knows may be the one":     tree("web.yaml", user, "n.yaml", doc("Netwrk", "front", ""), "c.yaml", doc("Config", "c", "{data: {k: v}}")),
		"a document may have lost its name":      tree("web.yaml", user, "n.yaml", "{apiVersion: tallyman/v1, kind: Network, metadata: {}}", "c.yaml", doc("Config", "c", "{data: {k: v}}")),
		"an App that is broken owns what it did": tree("a/web.yaml", user, "a/parts.yaml", parts, "a/app.yaml", doc("App", "shop", "{snc: {}}"), "v.yaml", doc("Volume", "v", "")),
		"an App that can't be read decides":      tree("app.yaml", "{", "web.yaml", user, "a/app.yaml", doc("App", "default", ""), "a/parts.yaml", parts),
		"a value of the wrong form is no name":   tree("web.yaml", doc("Service", "web", "{image: web, networks: [A_B]}"), "n.yaml", doc("Network", "front", "")),
	} {
		t.Run(name, func(t *testing.T) {
			if errs := loadErrors(t, fsys, manifest.Options{}); len(errs) != 1 {
				t.Errorf("got %d errors:\n%v", len(errs), errs)
			}
		})
	}
}

// What is certainly no manifest holds back no other error.
func TestForeignFilesHoldNothingBack(t *testing.T) {
	fsys := tree("compose.yaml", "services: {}", "web.yaml", doc("Service", "web", "{image: web, networks: [front]}"), "job.yaml", doc("Job", "j", ""))
	if errs := loadErrors(t, fsys, manifest.Options{}); len(errs) != 3 {
		t.Errorf("got %d errors:\n%v", len(errs), errs)
	}
}
