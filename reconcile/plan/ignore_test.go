package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// differences are all those of the cases above, both ways.
func differences(visit func(name string, d Difference, again func(Terms) Diff)) {
	for _, tc := range changes() {
		a, b := model.ContainerSpec{Image: "app/web:1"}, model.ContainerSpec{Image: "app/web:1"}
		if tc.from != nil {
			tc.from(&a)
			tc.from(&b)
		}
		tc.to(&b)
		for _, way := range [][2]model.ContainerSpec{{a, b}, {b, a}} {
			again := func(t Terms) Diff { return t.Compare(&way[0], madeFrom(way[1], image())) }
			diff := again(Terms{})
			for _, d := range slices.Concat(diff.Replace, diff.Dropped, diff.Adjust, diff.Attach) {
				visit(tc.name, d, again)
			}
		}
	}
}

// TestWhatDiffPrintsCanBeIgnored: manifests take every path as it is printed, and
// with it, or with the field it is a part of, the difference does not count.
func TestWhatDiffPrintsCanBeIgnored(t *testing.T) {
	seen := 0
	differences(func(name string, d Difference, again func(Terms) Diff) {
		seen++
		doc := fmt.Sprintf("apiVersion: tallyman/v1\nkind: Service\nmetadata: {name: web}\nspec: {image: web, ignoreDifferences: [%q]}\n", d.Field)
		set, err := manifest.Load(fstest.MapFS{"a.yaml": {Data: []byte(doc)}}, manifest.Options{})
		if err != nil {
			t.Errorf("%s: a manifest refuses the path: %v", name, err)
			return
		}
		if got := string(set.Services[0].Spec.IgnoreDifferences[0]); got != d.Field {
			t.Errorf("%s: %s is %s in a manifest", name, d.Field, got)
		}
		for _, path := range []string{d.Field, d.Field[:strings.IndexAny(d.Field+".", ".[")]} {
			diff := again(Terms{Ignore: []string{path}})
			left := slices.Concat(diff.Replace, diff.Dropped, diff.Adjust, diff.Attach)
			if slices.Contains(left, d) || !slices.Contains(diff.Ignored, d) {
				t.Errorf("%s: %s is ignored and counts: %s", name, path, lines(diff))
			}
		}
		if diff := again(Terms{Ignore: []string{d.Field + "x", d.Field[:len(d.Field)-1]}}); len(diff.Ignored) != 0 {
			t.Errorf("%s: paths that are only alike ignore %s", name, d.Field)
		}
	})
	if seen < 60 {
		t.Errorf("saw only %d differences", seen)
	}
}

func TestNetworksAreNamedAsInTheManifests(t *testing.T) {
	want := model.ContainerSpec{Image: "i", Networks: []model.Attachment{{Network: "shop-front-1a2b", Aliases: []string{"web"}}}}
	live := model.ContainerSpec{Image: "i", Networks: []model.Attachment{{Network: "shop-front-1a2b"}, {Network: "by.hand"}}}
	terms := Terms{Networks: map[string]string{"shop-front-1a2b": "front"}}
	diff := terms.Compare(&want, madeFrom(live, image()))
	if got := join(diff.Attach); got != `networks.front.aliases: (none) → ["web"]; networks["by.hand"]: joined → (none)` {
		t.Error(got)
	}
	terms.Ignore = []string{`networks["by.hand"]`}
	if diff = terms.Compare(&want, madeFrom(live, image())); !slices.Equal(diff.Disconnect, []string{"shop-front-1a2b"}) {
		t.Errorf("leaves %v", diff.Disconnect)
	}
}

// TestWhatIsIgnoredStaysWhenTheRestIsAdjusted: an engine is told all limits at
// once.
func TestWhatIsIgnoredStaysWhenTheRestIsAdjusted(t *testing.T) {
	w := running(t, one(), service("web", "web:1", 1))
	w.container("web-1").Spec.Adjustable = model.Adjustable{Memory: 1 << 30, Pids: 7, Restart: model.Restart{Name: "always"}}
	web := service("web", "web:1", 1)
	web.Ignore = []string{"resources.limits.memory", "restart"}
	web.Container.Adjustable = model.Adjustable{Memory: 1 << 20, NanoCPUs: 5e8, Pids: 9, Restart: model.Restart{Name: "no"}}
	w.declare(web)
	if err := w.settle(); err != nil {
		t.Fatal(err)
	}
	want := model.Adjustable{Memory: 1 << 30, NanoCPUs: 5e8, Pids: 9, Restart: model.Restart{Name: "always"}}
	if got := w.container("web-1").Spec.Adjustable; got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func logging(value string, ignore ...string) model.Service {
	s := service("web", "web:1", 1)
	s.Container.Env = map[string]string{"LOG": value}
	s.Ignore = ignore
	return s
}

// TestIgnoring takes a container that was made with LOG=info through a change of
// it, of its manifest, or of both.
func TestIgnoring(t *testing.T) {
	byHand := func(w *world) { w.container("web-1").Spec.Env["LOG"] = "trace" }
	nothing := func(*world) {}
	other := logging("info", "environment.LOG")
	other.Container.User = "me"
	for name, tc := range map[string]struct {
		spoil   func(*world)
		declare model.Service
		want    Verdict
		ignored string
	}{
		"changed by hand":                       {byHand, logging("info"), Replace, ""},
		"changed by hand, and ignored":          {byHand, logging("info", "environment.LOG"), Unchanged, "environment.LOG: trace → info"},
		"all of it is ignored":                  {byHand, logging("info", "environment"), Unchanged, "environment.LOG: trace → info"},
		"another one is ignored":                {byHand, logging("info", "environment.LOGS"), Replace, ""},
		"the manifest has changed":              {nothing, logging("debug", "environment.LOG"), Unchanged, "environment.LOG: info → debug"},
		"the manifest is back":                  {nothing, logging("info", "environment.LOG"), Unchanged, ""},
		"something else has changed":            {nothing, other, Replace, ""},
		"something else has changed, and it is": {byHand, other, Replace, ""},
		"not inspected": {func(w *world) {
			w.container("web-1").Spec, w.container("web-1").InspectError = nil, "hangs"
		}, logging("debug", "environment.LOG"), Blocked, ""},
		"stopped": {func(w *world) {
			byHand(w)
			w.container("web-1").State = model.StateExited
		}, logging("debug", "environment.LOG"), Update, "environment.LOG: trace → debug"},
	} {
		w := running(t, one(), logging("info"))
		id := w.container("web-1").ID
		tc.spoil(w)
		w.declare(tc.declare)
		c := find(t, w.plan(), "web-1")
		if c.Verdict != tc.want || join(c.Ignored) != tc.ignored {
			t.Errorf("%s: %s, ignored %q; want %s, %q", name, c.Verdict, join(c.Ignored), tc.want, tc.ignored)
		}
		if (c.Current == id) != (tc.want != Replace) {
			t.Errorf("%s: stays: %v", name, c.Current == id)
		}
	}
}

// TestNewContainersAreMadeAsDeclared, also where differences are ignored, and
// when the field is no longer ignored the difference counts again.
func TestNewContainersAreMadeAsDeclared(t *testing.T) {
	w := running(t, one(), logging("info", "environment.LOG"))
	next := logging("debug", "environment.LOG")
	next.Container.Image = "web:2"
	w.declare(next)
	if err := w.settle(); err != nil {
		t.Fatal(err)
	}
	if got := w.container("web-1").Spec.Env["LOG"]; got != "debug" {
		t.Errorf("made with LOG=%s", got)
	}
	next = logging("warn")
	next.Container.Image = "web:2"
	w.declare(next)
	if err := w.settle(); err != nil {
		t.Fatal(err)
	}
	if got := w.container("web-1").Spec.Env["LOG"]; got != "warn" {
		t.Errorf("nothing is ignored, and LOG is %s", got)
	}
}

// TestDroppedSettingsCount where nothing else tells them: the fingerprint, which
// would, is not looked at where differences are ignored.
func TestDroppedSettingsCount(t *testing.T) {
	before := logging("info")
	before.Container.ShmSize = 1 << 30
	for field, want := range map[string]Verdict{"environment.LOG": Replace, "shmSize": Unchanged} {
		w := running(t, one(), before)
		w.declare(logging("info", field))
		if c := find(t, w.plan(), "web-1"); c.Verdict != want {
			t.Errorf("ignoring %s: %s, want %s: %s", field, c.Verdict, want, c.Reasons)
		}
	}
}

// TestDrift tells what somebody changed from what the commit changes.
func TestDrift(t *testing.T) {
	for name, tc := range map[string]struct {
		live  func(*model.Container)
		image string
		want  string
	}{
		"nothing":             {func(*model.Container) {}, "web:1", ""},
		"by hand":             {func(c *model.Container) { c.Spec.Env["LOG"] = "trace" }, "web:1", "environment.LOG: trace → info"},
		"in place":            {func(c *model.Container) { c.Spec.Adjustable.Pids = 3 }, "web:1", "resources.limits.pids: 3 → (none)"},
		"by the commit":       {func(*model.Container) {}, "web:2", ""},
		"by both":             {func(c *model.Container) { c.Spec.Env["LOG"] = "trace" }, "web:2", ""},
		"stopped is no drift": {func(c *model.Container) { c.State = model.StateExited }, "web:1", ""},
	} {
		w := running(t, one(), logging("info"))
		tc.live(w.container("web-1"))
		next := logging("info")
		next.Container.Image = tc.image
		w.declare(next)
		if got := join(find(t, w.plan(), "web-1").Drift); got != tc.want {
			t.Errorf("%s: drift %q, want %q", name, got, tc.want)
		}
	}
}

// TestNetworksThatAContainerStaysOn are not removed under it: the service no
// longer asks for them, and ignores that it is still there.
func TestNetworksThatAContainerStaysOn(t *testing.T) {
	for name, tc := range map[string]struct {
		ignore    string
		inspected bool
		want      Verdict
	}{
		"ignored":                    {"networks", true, Unchanged},
		"ignored, and not inspected": {"networks", false, Unchanged},
		"another field is ignored":   {"image", true, Remove},
	} {
		w := networked(t)
		if !tc.inspected {
			w.container("web-1").Spec = nil
		}
		web := service("web", "web:1", 1)
		web.Ignore = []string{tc.ignore}
		w.declare(web)
		for _, c := range w.plan().Changes {
			if c.Key.Kind == KindNetwork && c.Verdict != tc.want {
				t.Errorf("%s: the network is %s: %s", name, c.Verdict, c.Reasons)
			}
		}
	}
}
