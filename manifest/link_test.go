package manifest_test

import (
	"testing"
	"testing/fstest"

	"github.com/tallyman-io/tallyman/manifest"
)

const web = "{image: web}"

func TestAppOfADocument(t *testing.T) {
	set := load(t, tree(
		"outside.yaml", doc("Service", "outside", web),
		"shop/app.yaml", doc("App", "shop", ""),
		"shop/web.yaml", doc("Service", "near", web),
		"shop/deep/down/web.yaml", doc("Service", "deep", web),
		"shop/inner/app.yaml", docs(doc("Service", "inner", web), doc("App", "inner", "")),
		"shop/host.yaml", doc("Host", "edge", "{endpoint: 'unix:///run/docker.sock'}"),
		"shop-2/web.yaml", doc("Service", "beside", web),
	))
	want := map[string]string{"outside": "default", "near": "shop", "deep": "shop", "inner": "inner", "beside": "default"}
	for _, s := range set.Services {
		if s.App != want[s.Metadata.Name] {
			t.Errorf("service %s is in app %q, want %q", s.Metadata.Name, s.App, want[s.Metadata.Name])
		}
	}
	if len(set.Services) != len(want) || set.Hosts[0].App != "" {
		t.Errorf("%d services, host in app %q", len(set.Services), set.Hosts[0].App)
	}
	var apps []string
	for _, a := range set.Apps {
		apps = append(apps, a.Metadata.Name+"/"+a.App)
	}
	if len(apps) != 3 || apps[0] != "default/default" || apps[1] != "inner/inner" || apps[2] != "shop/shop" {
		t.Errorf("apps %v", apps)
	}
}

func TestDefaultAppOnlyWhereSomethingIsOutside(t *testing.T) {
	set := load(t, tree("app.yaml", doc("App", "shop", ""), "web.yaml", doc("Service", "web", web)))
	if len(set.Apps) != 1 || set.Apps[0].Metadata.Name != "shop" {
		t.Errorf("apps %+v", set.Apps)
	}
	set = load(t, tree("app.yaml", doc("App", "default", "{onFailure: pause}"), "web.yaml", doc("Service", "web", web)))
	if len(set.Apps) != 1 || set.Apps[0].Spec.OnFailure != "pause" {
		t.Errorf("apps %+v", set.Apps)
	}
}

func TestLinkErrors(t *testing.T) {
	shop, blog := doc("App", "shop", ""), doc("App", "blog", "")
	for name, c := range map[string]struct {
		fsys fstest.MapFS
		want []string
	}{
		"an App named default that owns only a part": {
			tree("a/app.yaml", doc("App", "default", ""), "web.yaml", doc("Service", "web", web)),
			[]string{`a/app.yaml:1:55: metadata.name: the name default is that of what no App owns (move the App to the root, or give it another name)`},
		},
		"two Apps in a folder": {
			tree("a.yaml", shop, "b.yaml", blog),
			[]string{`b.yaml:1:55: metadata.name: the folder has an App already (the other one is at a.yaml:1:55)`},
		},
		"two Apps of one name": {
			tree("a/app.yaml", shop, "b/app.yaml", shop),
			[]string{`b/app.yaml:1:55: metadata.name: App "shop" exists already (the other one is at a/app.yaml:1:55)`},
		},
		"a name in two apps": {
			tree("a/app.yaml", shop, "a/v.yaml", doc("Volume", "data", ""), "b/app.yaml", blog, "b/v.yaml", doc("Volume", "data", "")),
			[]string{`b/v.yaml:1:58: metadata.name: Volume "data" exists already, in app "shop"; names are shared by all apps (the other one is at a/v.yaml:1:58)`},
		},
		"a reference into another app": {
			tree("a/app.yaml", shop, "a/n.yaml", doc("Network", "front", ""), "b/web.yaml", doc("Service", "web", "{image: web, networks: [front]}")),
			[]string{`b/web.yaml:1:95: spec.networks[0]: there is no Network "front" in app "default" (the one at a/n.yaml:1:59 belongs to app "shop")`},
		},
	} {
		t.Run(name, func(t *testing.T) { wantErrors(t, loadErrors(t, c.fsys, manifest.Options{}), c.want...) })
	}
}

// Every app has a network called default without saying so, even when another
// app declares its own.
func TestNetworkDefaultNeedsNoDeclaration(t *testing.T) {
	load(t, tree(
		"a/app.yaml", docs(doc("App", "shop", ""), doc("Network", "default", "{internal: true}"), doc("Service", "web", "{image: web, networks: [default]}")),
		"b/web.yaml", doc("Service", "other", "{image: web, networks: [default]}"),
	))
}

func TestNamesAreOnlyUniqueWithinAKind(t *testing.T) {
	load(t, tree("a.yaml", docs(
		doc("App", "web", ""), doc("Service", "web", web), doc("Volume", "web", ""), doc("Network", "web", ""), doc("Config", "web", "{data: {a: b}}"),
	)))
}

// Dependencies that share a part are no cycle.
func TestDiamondIsNoCycle(t *testing.T) {
	load(t, tree("a.yaml", docs(
		doc("Service", "top", "{image: a, dependsOn: [left, right]}"),
		doc("Service", "left", "{image: a, dependsOn: [base]}"),
		doc("Service", "right", "{image: a, dependsOn: [base]}"),
		doc("Service", "base", web),
	)))
}

// What two services want of a host is placement's business: they may end up on
// different ones.
func TestTwoServicesMayPublishTheSamePort(t *testing.T) {
	load(t, tree("a.yaml", docs(
		doc("Service", "a", "{image: a, ports: [{port: 80, published: 80}]}"),
		doc("Service", "b", "{image: a, ports: [{port: 80, published: 80}]}"),
	)))
}

func TestSetsAreSortedByName(t *testing.T) {
	set := load(t, tree("1.yaml", doc("Service", "c", web), "2.yaml", docs(doc("Service", "b", web), doc("Service", "a", web))))
	for i, want := range []string{"a", "b", "c"} {
		if got := set.Services[i].Metadata.Name; got != want {
			t.Errorf("service %d is %s, want %s", i, got, want)
		}
	}
}
