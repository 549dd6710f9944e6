// Package examples_test holds the examples to what they promise: that they are
// valid, that they say what their README says, and that an editor finds the
// schema of each file.
package examples_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/desired"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

func build(t *testing.T, dir string) model.Desired {
	t.Helper()
	set, err := manifest.Load(os.DirFS(dir), manifest.Options{})
	if err != nil {
		t.Fatalf("%s: %v", dir, err)
	}
	d, err := desired.Build(set, desired.Options{Owner: "test", Revision: "r"})
	if err != nil {
		t.Fatalf("%s: %v", dir, err)
	}
	return d
}

func folders(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var dirs []string
	for _, e := range entries {
		if e.IsDir() {
			dirs = append(dirs, e.Name())
		}
	}
	return dirs
}

func TestEveryExampleIsValidAndShort(t *testing.T) {
	for _, dir := range folders(t) {
		d := build(t, dir)
		for _, a := range d.Apps {
			for _, s := range a.Services {
				if !strings.HasPrefix(s.Container.Image, "tallyman/hello:") || s.Pull != "never" {
					t.Errorf("%s: service %s runs %s, which not everybody can have", dir, s.Name, s.Container.Image)
				}
			}
		}
		readme, err := os.ReadFile(filepath.Join(dir, "README.md"))
		if err != nil {
			t.Error(err)
		}
		if n := strings.Count(string(readme), "\n"); n > 12 {
			t.Errorf("%s: the README has %d lines", dir, n)
		}
	}
}

// Every document of a file has the kind that the modeline's schema is for.
func TestEveryFileNamesItsSchema(t *testing.T) {
	modeline := regexp.MustCompile(`^# yaml-language-server: \$schema=\.\./\.\./schemas/([a-z]+)\.json\n`)
	kind := regexp.MustCompile(`(?m)^kind: (\w+)$`)
	files, err := filepath.Glob("*/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		schema := modeline.FindSubmatch(data)
		if schema == nil {
			t.Errorf("%s does not begin with a modeline", file)
			continue
		}
		if _, err := os.Stat(filepath.Join("..", "schemas", string(schema[1])+".json")); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		for _, k := range kind.FindAllSubmatch(data, -1) {
			if got := strings.ToLower(string(k[1])); got != string(schema[1]) {
				t.Errorf("%s: a %s in a file with the schema of %s", file, got, schema[1])
			}
		}
	}
}

func TestHelloIsOneServiceOfTheDefaultApp(t *testing.T) {
	d := build(t, "hello")
	if len(d.Apps) != 1 || d.Apps[0].Name != "default" || len(d.Apps[0].Services) != 1 || d.Apps[0].Services[0].Replicas != 2 {
		t.Errorf("got %+v", d.Apps)
	}
}

func TestWebWaitsForTheCacheAndSharesItsNetwork(t *testing.T) {
	d := build(t, "web-and-cache")
	services := d.Apps[len(d.Apps)-1].Services
	cache, web := services[0], services[1]
	if !slices.Equal(web.DependsOn, []string{"cache"}) || cache.Update.Order != model.OrderStopFirst {
		t.Errorf("web depends on %v, cache is replaced %s", web.DependsOn, cache.Update.Order)
	}
	if web.Container.Networks[0].Network != cache.Container.Networks[0].Network {
		t.Error("web and cache have no network in common")
	}
	if len(cache.Container.Files) != 1 || len(web.Container.Files) != 1 || len(d.Blobs) != 2 {
		t.Errorf("the config's files do not reach both services: %d contents", len(d.Blobs))
	}
}

func TestManyHostsUseWhatTheHostsSay(t *testing.T) {
	d := build(t, "many-hosts")
	if len(d.Hosts) != 3 {
		t.Fatalf("%d hosts", len(d.Hosts))
	}
	modes := map[string]string{}
	for _, s := range d.Apps[0].Services {
		modes[s.Name] = s.Mode
		for _, c := range s.Placement.Constraints {
			if !slices.ContainsFunc(d.Hosts, func(h model.Host) bool { return h.Labels["disk"] == c.Value }) {
				t.Errorf("no host fulfils %s", c)
			}
		}
	}
	if modes["watch"] != model.ModeGlobal || modes["front"] != model.ModeReplicated {
		t.Errorf("modes are %v", modes)
	}
}
