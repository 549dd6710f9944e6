package manifest

import (
	"strings"
	"testing"
	"testing/fstest"
)

// TestGoodHostsAreReadAmongBadDocuments: a host is there although other documents,
// also of hosts and in its own file, are not good.
func TestGoodHostsAreReadAmongBadDocuments(t *testing.T) {
	host := func(name, spec string) string {
		return "apiVersion: tallyman/v1\nkind: Host\nmetadata: {name: " + name + "}\nspec: " + spec + "\n---\n"
	}
	tcp := "{endpoint: 'tcp://10.0.0.1:2376'}"
	files := fstest.MapFS{
		"a.yaml": {Data: []byte(host("edge-1", tcp) + host("edge-2", "{endpont: x}") + host("edge-3", tcp))},
		"b.yaml": {Data: []byte(host("edge-1", "{endpoint: 'tcp://10.0.0.2:2376'}") + "apiVersion: tallyman/v1\nkind: Service\nmetadata: {name: web}\nspec: {}\n")},
		"c.yaml": {Data: []byte("not: [closed")},
	}
	if _, err := Load(files, Options{}); err == nil {
		t.Fatal("the manifests are good: the test is about bad ones")
	}
	set, err := LoadHosts(files, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, h := range set.Hosts {
		got = append(got, h.Metadata.Name+" "+h.Spec.Endpoint)
	}
	if want := "edge-1 tcp://10.0.0.1:2376, edge-3 tcp://10.0.0.1:2376"; strings.Join(got, ", ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
}
