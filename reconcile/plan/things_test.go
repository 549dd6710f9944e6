package plan

import (
	"slices"
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// TestNamesThatOthersHave: a network or volume of the right name that is not
// ours is never used, and the plan says what is in the way until it is gone.
func TestNamesThatOthersHave(t *testing.T) {
	for _, others := range []model.Ownership{{}, {Owner: "another", App: "shop", Name: "shop-front-1"}} {
		w := newWorld("h1")
		web := service("web", "web:1", 1)
		web.Container.Networks = []model.Attachment{{Network: "shop-front-1"}}
		web.Container.Mounts = []model.Mount{{Kind: model.MountVolume, Source: "shop-data-1", Target: "/data"}}
		w.declare(web)
		app := w.app("shop")
		app.Networks = []model.Network{{App: "shop", Name: "front", HostName: "shop-front-1", Driver: "bridge"}}
		app.Volumes = []model.Volume{{App: "shop", Name: "data", HostName: "shop-data-1", Driver: "local"}}
		h := w.host("h1")
		h.Networks = []model.NetworkState{{ID: "n", Name: "bridge"}, {ID: "x", Name: "shop-front-1", Owner: others}}
		h.Volumes = []model.VolumeState{{Name: "0123"}, {Name: "shop-data-1", Owner: others}}
		p := w.plan()
		for _, want := range []string{"a network of that name is on the host and is not ours", "a volume of that name is on the host and is not ours"} {
			if !strings.Contains(p.String(), want) {
				t.Errorf("the plan does not say %q:\n%s", want, p.String())
			}
		}
		if ops := p.Ops(); len(ops) != 0 {
			t.Errorf("want nothing done, got %v", ops)
		}
		h.Networks, h.Volumes = h.Networks[:1], h.Volumes[:1]
		if err := w.settle(); err != nil {
			t.Fatal(err)
		}
		if c := w.container("web-1"); c == nil || !c.Running() {
			t.Errorf("with the names free the replica is %+v", c)
		}
	}
}

// TestANetworkStaysWithAReplicaThatHasNoHost: a replica that no host fits keeps
// its container, and so its network; when it has gone, the network goes too.
func TestANetworkStaysWithAReplicaThatHasNoHost(t *testing.T) {
	for name, change := range map[string]func(*model.Container){
		"running":       func(*model.Container) {},
		"stopped":       func(c *model.Container) { c.State = model.StateExited },
		"not inspected": func(c *model.Container) { c.Spec = nil },
	} {
		w := newWorld("h1")
		web := service("web", "web:1", 2)
		web.Container.Networks = []model.Attachment{{Network: "shop-front"}}
		w.declare(web)
		w.app("shop").Networks = []model.Network{{App: "shop", Name: "front", HostName: "shop-front", Driver: "bridge"}}
		if err := w.settle(); err != nil {
			t.Fatal(err)
		}
		change(w.container("web-1"))
		web.Placement.Constraints = []model.Constraint{{Attribute: "host.labels.disk", Operator: "==", Value: "ssd"}}
		w.declare(web)
		network := w.planned(t, Key{Kind: KindNetwork, App: "shop", Host: "h1", Name: "shop-front"})
		if network.Verdict != Unchanged || len(network.Steps) > 0 || len(network.Reasons) != 1 || network.Reasons[0] != "web-1 is on it, for which there is no host now" {
			t.Errorf("%s: with web-1 refused its network is %s because %q", name, network.Verdict, network.Reasons)
		}
		w.declare()
		if network = w.planned(t, network.Key); network.Verdict != Remove {
			t.Errorf("%s: with web gone its network is %s", name, network.Verdict)
		}
	}
}

// planned is the change that a plan has for a thing.
func (w *world) planned(t *testing.T, key Key) Change {
	t.Helper()
	p := w.plan()
	i := slices.IndexFunc(p.Changes, func(c Change) bool { return c.Key == key })
	if i < 0 {
		t.Fatalf("nothing is planned for %s:\n%s", key, p.String())
	}
	return p.Changes[i]
}

// storing is a world whose only service mounts a volume and joins a network.
func storing() (*world, *model.App) {
	w := newWorld("h1")
	web := service("web", "web:1", 1)
	web.Container.Networks = []model.Attachment{{Network: "shop-front-1"}}
	web.Container.Mounts = []model.Mount{{Kind: model.MountVolume, Source: "shop-data-1", Target: "/data"}}
	other := service("other", "web:1", 1)
	w.declare(web, other)
	app := w.app("shop")
	app.Networks = []model.Network{{App: "shop", Name: "front", HostName: "shop-front-1", Driver: "bridge"}}
	app.Volumes = []model.Volume{{App: "shop", Name: "data", HostName: "shop-data-1", Driver: "local"}}
	return w, app
}

// TestExternalThings: what is external is used as it is found, never made,
// never removed, and its absence blocks whoever needs it and nobody else.
func TestExternalThings(t *testing.T) {
	w, app := storing()
	app.Networks[0] = model.Network{App: "shop", Name: "front", HostName: "shop-front-1", External: true}
	app.Volumes[0] = model.Volume{App: "shop", Name: "data", HostName: "shop-data-1", External: true}
	p := w.plan()
	for _, want := range []string{"docker network create shop-front-1", "docker volume create shop-data-1"} {
		if !strings.Contains(p.String(), want) {
			t.Errorf("the plan does not say %q:\n%s", want, p.String())
		}
	}
	for _, op := range p.Ops() {
		if c, ok := op.(model.CreateContainer); ok && c.Owner.Service == "web" || model.Verb(op) == "createNetwork" || model.Verb(op) == "createVolume" {
			t.Errorf("want nothing done for what is missing, got %s", model.Verb(op))
		}
	}
	h := w.host("h1")
	h.Networks = []model.NetworkState{{ID: "n", Name: "shop-front-1"}}
	h.Volumes = []model.VolumeState{{Name: "shop-data-1", Driver: "some-driver", Options: map[string]string{"a": "b"}}}
	if err := w.settle(); err != nil {
		t.Fatal(err)
	}
	if c := w.container("web-1"); !c.Running() {
		t.Errorf("with the things there the replica is %s", c.State)
	}
	w.declare()
	w.live.Hosts[0].Containers = nil
	if p := w.plan(); len(p.Ops()) != 0 {
		t.Errorf("nobody needs what is external any more, and the plan is\n%s", p.String())
	}
}

// TestExternalThingIsNeededWhereItsAppIs: two apps share an external network; one
// of them is not blocked by what the other one lacks.
func TestExternalThingIsNeededWhereItsAppIs(t *testing.T) {
	w, app := storing()
	app.Networks[0] = model.Network{App: "shop", Name: "front", HostName: "shop-front-1", External: true}
	app.Volumes[0].External = true
	w.desired.Apps = append(w.desired.Apps, model.App{Name: "blog", Networks: []model.Network{{App: "blog", Name: "n", HostName: "shop-front-1", External: true}}})
	p := w.plan()
	for _, c := range p.Changes {
		if c.Key.App == "blog" {
			t.Errorf("app blog has no replica, and its plan has %s: %s", c.Key, c.Reasons)
		}
	}
}

// TestVolumeMadeWithOtherSettings: an edit that would leave the data behind is
// refused with the way to do it by hand, for that volume's services only, and no
// option's value is shown that may hold a password.
func TestVolumeMadeWithOtherSettings(t *testing.T) {
	for name, tc := range map[string]struct {
		live, want    model.VolumeState
		says, saysNot []string
	}{
		"to nfs": {
			live: model.VolumeState{Driver: "local"},
			want: model.VolumeState{Driver: "local", Options: map[string]string{"type": "nfs", "o": "addr=10.0.0.9,soft"}},
			says: []string{"option o, option type", "docker volume rm shop-data-1 && docker volume create --opt o=addr=10.0.0.9,soft --opt type=nfs " +
				"--label tallyman.app=shop --label tallyman.name=shop-data-1 --label tallyman.owner=ours shop-data-1"},
		},
		"driver": {
			live: model.VolumeState{Driver: "local"}, want: model.VolumeState{Driver: "other/driver:1"},
			says: []string{"driver local → other/driver:1", "--driver other/driver:1"},
		},
		"password": {
			live:    model.VolumeState{Driver: "local", Options: map[string]string{"o": "username=u,password=hunter1"}},
			want:    model.VolumeState{Driver: "local", Options: map[string]string{"o": "username=u,password=hunter2"}},
			says:    []string{"option o", "'o=(as in the manifest)'"},
			saysNot: []string{"hunter"},
		},
	} {
		w, app := storing()
		app.Volumes[0].Driver, app.Volumes[0].Options = tc.want.Driver, tc.want.Options
		tc.live.Name, tc.live.Owner = "shop-data-1", model.Ownership{Owner: us, App: "shop", Name: "shop-data-1"}
		w.host("h1").Volumes = []model.VolumeState{tc.live}
		p := w.plan()
		for _, want := range tc.says {
			if !strings.Contains(p.String(), want) {
				t.Errorf("%s: the plan does not say %q:\n%s", name, want, p.String())
			}
		}
		for _, secret := range tc.saysNot {
			if strings.Contains(p.String(), secret) {
				t.Errorf("%s: the plan shows a password:\n%s", name, p.String())
			}
		}
		for _, c := range p.Changes {
			if c.Key.Service == "web" && c.Verdict != Blocked || c.Key.Service == "other" && c.Verdict != Create {
				t.Errorf("%s: %s is %s", name, c.Key, c.Verdict)
			}
		}
	}
}

// TestAnImageThatOneServicePullsIsNotBlockedByAnother: whichever comes first.
func TestAnImageThatOneServicePullsIsNotBlockedByAnother(t *testing.T) {
	for _, names := range [][2]string{{"a", "b"}, {"b", "a"}} {
		w := newWorld("h1")
		waits, pulls := service(names[0], "web:3", 1), service(names[1], "web:3", 1)
		waits.Pull = "never"
		w.declare(waits, pulls)
		image := w.planned(t, Key{Kind: KindImage, App: "shop", Host: "h1", Name: "web:3"})
		if image.Verdict != Create || len(image.Steps) != 1 {
			t.Errorf("%s may not pull and %s may: the image is %s because %q", names[0], names[1], image.Verdict, image.Reasons)
		}
	}
}

// TestAnImageOfWhichNothingIsKnownYetIsInThePlan: what would wait for it must.
func TestAnImageOfWhichNothingIsKnownYetIsInThePlan(t *testing.T) {
	w := newWorld("h1")
	w.declare(service("web", "web:3", 1))
	w.host("h1").Unasked = []string{"web:3"}
	if image := w.planned(t, Key{Kind: KindImage, App: "shop", Host: "h1", Name: "web:3"}); image.Verdict != Blocked {
		t.Errorf("the image is %s because %q", image.Verdict, image.Reasons)
	}
}

// TestEveryPullCarriesTheAppsPullSecrets: of an image that is missing, and of one
// that is pulled each time.
func TestEveryPullCarriesTheAppsPullSecrets(t *testing.T) {
	hub := []model.SecretRef{{Secret: "hub", Key: "config.json", Digest: "d"}}
	w := newWorld("h1")
	missing, anew := service("web", "web:missing", 1), service("anew", "web:1", 1)
	missing.Pull, anew.Pull = "missing", "always"
	w.declare(missing, anew)
	w.app("shop").PullSecrets = hub
	pulls := 0
	p := w.plan()
	for _, op := range p.Ops() {
		if pull, ok := op.(model.PullImage); ok {
			if pulls++; !slices.Equal(pull.PullSecrets, hub) {
				t.Errorf("image %q is pulled with %v", pull.Image, pull.PullSecrets)
			}
		}
	}
	if pulls != 2 {
		t.Errorf("%d pulls, want 2:\n%s", pulls, p.String())
	}
}
