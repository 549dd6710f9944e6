package desired_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/desired"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"gopkg.in/yaml.v3"
	"pgregory.net/rapid"
)

// orderFree are the lists whose order means nothing.
var orderFree = []string{"networks", "ports", "mounts", "files", "capAdd", "capDrop", "devices", "dependsOn", "constraints", "taints", "tolerations", "affinity", "antiAffinity"}

// documents are those of the manifest that uses every field.
func documents(t testing.TB) []*yaml.Node {
	t.Helper()
	data, err := os.ReadFile("../../manifest/testdata/good/full.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var docs []*yaml.Node
	for dec := yaml.NewDecoder(bytes.NewReader(data)); ; {
		var n yaml.Node
		if err := dec.Decode(&n); errors.Is(err, io.EOF) {
			return docs
		} else if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, &n)
	}
}

// shuffled is a copy of a node with the keys of its mappings, and the elements
// of lists without an order, in another order.
func shuffled(rt *rapid.T, n *yaml.Node, key string) *yaml.Node {
	out := *n
	out.Content = nil
	step := 1
	if n.Kind == yaml.MappingNode {
		step = 2
	}
	order := make([]int, len(n.Content)/step)
	for i := range order {
		order[i] = i * step
	}
	if step == 2 || slices.Contains(orderFree, key) {
		order = rapid.Permutation(order).Draw(rt, "order")
	}
	for _, i := range order {
		if step == 2 {
			out.Content = append(out.Content, n.Content[i], shuffled(rt, n.Content[i+1], n.Content[i].Value))
		} else {
			out.Content = append(out.Content, shuffled(rt, n.Content[i], ""))
		}
	}
	return &out
}

// Whatever order things are written in, in whatever files, the model is the
// same bytes.
func TestOrderMeansNothing(t *testing.T) {
	docs := documents(t)
	want := render(t, fstest.MapFS{"all.yaml": {Data: write(t, docs)}})
	rapid.Check(t, func(rt *rapid.T) {
		fsys := fstest.MapFS{}
		for i, n := range rapid.Permutation(docs).Draw(rt, "docs") {
			name := fmt.Sprintf("%s/%d.yaml", rapid.SampledFrom([]string{".", "a", "b/c"}).Draw(rt, "folder"), i)
			if n.Content[0].Content[3].Value == manifest.KindApp {
				name = "app.yaml" // its folder does mean something
			}
			fsys[clean(name)] = &fstest.MapFile{Data: write(t, []*yaml.Node{shuffled(rt, n, "")})}
		}
		if got := render(t, fsys); !bytes.Equal(got, want) {
			rt.Fatalf("got\n%s\nwant\n%s", got, want)
		}
	})
}

func clean(name string) string {
	if name[:2] == "./" {
		return name[2:]
	}
	return name
}

func write(t testing.TB, docs []*yaml.Node) []byte {
	t.Helper()
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	for _, n := range docs {
		if err := enc.Encode(n); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

func render(t testing.TB, fsys fstest.MapFS) []byte {
	t.Helper()
	set, err := manifest.Load(fsys, manifest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return asJSON(t, set)
}

func asJSON(t testing.TB, set *manifest.Set) []byte {
	t.Helper()
	d, err := desired.Build(set, options)
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.MarshalIndent(struct {
		model.Desired
		Digests []string
	}{d, slices.Sorted(maps.Keys(d.Blobs))}, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// The documents are shared with the Loader's memory: neither Build nor what is
// done with its result may change them.
func TestSetIsNotChanged(t *testing.T) {
	set, err := manifest.Load(fstest.MapFS{"all.yaml": {Data: write(t, documents(t))}}, manifest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := asJSON(t, set)
	d, err := desired.Build(set, options)
	if err != nil {
		t.Fatal(err)
	}
	spoil(&d)
	if got := asJSON(t, set); !bytes.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// spoil writes into every list and map of a service.
func spoil(d *model.Desired) {
	for i := range d.Hosts {
		clear(d.Hosts[i].Labels)
	}
	for i := range d.Apps[0].Services {
		s := &d.Apps[0].Services[i]
		for _, m := range []map[string]string{s.Container.Env, s.Container.Labels, s.Container.Sysctls, s.Container.Logging.Options} {
			clear(m)
		}
		for _, l := range [][]string{
			s.Container.Command, s.Container.Entrypoint, s.Container.CapAdd, s.Container.CapDrop,
			s.Container.DNS.Servers, s.Container.DNS.Search, s.Container.DNS.Options, s.Placement.Spread, s.DependsOn,
		} {
			clear(l)
		}
		if h := s.Container.HealthCheck; h != nil {
			clear(h.Test)
		}
	}
}

func BenchmarkBuild(b *testing.B) {
	var docs []string
	for i := range 1000 {
		docs = append(docs, doc("Service", fmt.Sprintf("s%d", i), `{replicas: 3, image: web, environment: {A: b, C: d},
			ports: [{port: 80, published: 80}], healthCheck: {command: [a, b]}, resources: {limits: {cpus: 1, memory: 64MiB}}}`))
	}
	set := load(b, docs...)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := desired.Build(set, options); err != nil {
			b.Fatal(err)
		}
	}
}
