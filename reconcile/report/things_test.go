package report

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
)

// stores is a host with volumes and networks of every kind.
func stores() Input {
	in := scene(model.Container{ID: "c1", Name: "shop-web-1-x", State: model.StateRunning})
	in.Live.Hosts[0].Containers[0].Owner.Slot = "1"
	spec := in.Live.Hosts[0].Containers[0].Spec
	spec.Mounts = []model.Mount{{Kind: model.MountVolume, Source: "shop-data-1", Target: "/data"}, {Kind: model.MountBind, Source: "/srv", Target: "/srv"}}
	spec.Networks = []model.Attachment{{Network: "proxy"}}
	app := &in.Desired.Apps[0]
	app.Services[0].Container = *spec
	app.Services[0].Container.Mounts = append(app.Services[0].Container.Mounts, model.Mount{Kind: model.MountVolume, Source: "shop-more-1", Target: "/more"})
	app.Volumes = []model.Volume{
		{App: "shop", Name: "data", HostName: "shop-data-1", Exclusive: true}, {App: "shop", Name: "more", HostName: "shop-more-1"},
		{App: "shop", Name: "idle", HostName: "shop-idle-1", Protect: true}, {App: "shop", Name: "ext", HostName: "theirs", External: true},
	}
	app.Networks = []model.Network{{App: "shop", Name: "front", HostName: "proxy", External: true}}
	ours := func(name string) model.VolumeState {
		return model.VolumeState{Name: name, Driver: "local", CreatedAt: noon.Add(-time.Hour), Owner: model.Ownership{Owner: "us", App: "shop", Name: name}}
	}
	gone := ours("shop-gone-1")
	gone.Owner.Guard.Protect = true
	in.Live.Hosts[0].Volumes = []model.VolumeState{
		ours("shop-data-1"), ours("shop-more-1"), ours("shop-idle-1"), gone, {Name: "theirs", Driver: "local"}, {Name: "0123abcd", Driver: "local"},
		{Name: "copy", Owner: model.Ownership{Owner: "us", App: "shop", Name: "shop-data-1"}}, {Name: "blog-data", Owner: model.Ownership{Owner: "them", Name: "blog-data"}},
	}
	in.Live.Hosts[0].Networks = []model.NetworkState{
		{ID: "1", Name: "bridge", Driver: "bridge"}, {ID: "2", Name: "proxy", Driver: "bridge"},
		{ID: "3", Name: "shop-old-1", Driver: "bridge", Owner: model.Ownership{Owner: "us", App: "shop", Name: "shop-old-1"}},
	}
	return in
}

// TestGetVolumes: ours and the external ones, who has them, and which are
// orphaned.
func TestGetVolumes(t *testing.T) {
	s := Fold(stores())
	var out bytes.Buffer
	if _, err := GetText(&out, &s, "volumes", Style{}); err != nil {
		t.Fatal(err)
	}
	want := strings.TrimPrefix(`
VOLUME  APP   HOST  USE                 USED BY     DRIVER  AGE  NAME ON HOST
data    shop  h1    in use              shop/web-1  local   1h   shop-data-1
-       shop  h1    orphaned, protected -           local   1h   shop-gone-1
idle    shop  h1    orphaned, protected -           local   1h   shop-idle-1
more    shop  h1    unused              -           local   1h   shop-more-1
ext     shop  h1    orphaned, external  -           local   -    theirs
`, "\n")
	if got := squeeze(out.String()); got != squeeze(want) {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

// squeeze leaves the widths of columns out.
func squeeze(table string) string {
	var lines []string
	for line := range strings.Lines(table) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(lines, "\n")
}

func TestGetNetworks(t *testing.T) {
	s := Fold(stores())
	var out bytes.Buffer
	if _, err := GetText(&out, &s, "networks", Style{}); err != nil {
		t.Fatal(err)
	}
	want := "NETWORK APP HOST USED BY DRIVER AGE NAME ON HOST\nfront shop h1 shop/web-1 bridge, external - proxy\n- shop h1 - bridge - shop-old-1"
	if got := squeeze(out.String()); got != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

// TestAVolumeIsInUseWhereItsReplicaIsToRun: also while there is no container,
// and never for a container that only looks like ours.
func TestAVolumeIsInUseWhereItsReplicaIsToRun(t *testing.T) {
	in := stores()
	in.Live.Hosts[0].Containers = nil
	in.Plan.Changes = []plan.Change{
		{Key: plan.Key{Kind: plan.KindReplica, App: "shop", Service: "web", Slot: "1"}, Host: "h1", Verdict: plan.Create},
		{Key: plan.Key{Kind: plan.KindReplica, App: "shop", Service: "web", Slot: "2"}, Host: "h1", Verdict: plan.Unowned},
		{Key: plan.Key{Kind: plan.KindReplica, App: "shop", Service: "web", Slot: "3"}, Host: "h1", Verdict: plan.Remove, Removal: true},
	}
	s := Fold(in)
	found := Volumes(&s, "shop/more", "h1")
	if len(found) != 1 || found[0].Use != InUse || strings.Join(found[0].UsedBy, " ") != "shop/web-1" {
		t.Errorf("found %+v, want it in use by shop/web-1", found)
	}
}

func TestVolumesByName(t *testing.T) {
	s := Fold(stores())
	for name, want := range map[string]int{"data": 1, "shop/data": 1, "shop-data-1": 1, "shop-gone-1": 1, "blog/data": 0, "copy": 0} {
		if got := len(Volumes(&s, name, "")); got != want {
			t.Errorf("%q finds %d volumes, want %d", name, got, want)
		}
	}
	if found := Volumes(&s, "data", "h2"); len(found) != 0 {
		t.Errorf("on another host it finds %+v", found)
	}
}
