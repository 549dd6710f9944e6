package model

import (
	"maps"
	"testing"
)

// TestTheJournalsWordCountsBeforeTheLabels, also when it is that there is no
// guard any more.
func TestTheJournalsWordCountsBeforeTheLabels(t *testing.T) {
	guards := Guards{"shop": {GuardKey("web"): {}, GuardKey("db"): {Protect: true}, VolumeKey("shop-data-1"): {Protect: true}}}
	orphan, protect := Guard{Orphan: true}, Guard{Protect: true}
	for name, tc := range map[string]struct {
		of   Ownership
		want Guard
	}{
		"no longer guarded":            {Ownership{App: "shop", Service: "web", Guard: orphan}, Guard{}},
		"guarded since":                {Ownership{App: "shop", Service: "db"}, protect},
		"nobody remembers the service": {Ownership{App: "shop", Service: "old", Guard: orphan}, orphan},
		"nobody remembers the app":     {Ownership{App: "blog", Service: "web", Guard: protect}, protect},
		"a volume":                     {Ownership{App: "shop", Name: "shop-data-1"}, protect},
		"a volume nobody remembers":    {Ownership{App: "shop", Name: "shop-old-1", Guard: protect}, protect},
	} {
		if got := guards.Of(tc.of); got != tc.want {
			t.Errorf("%s: %+v, want %+v", name, got, tc.want)
		}
	}
}

func TestWhatIsNoLongerNamedKeepsItsLastWord(t *testing.T) {
	guards := Guards{"shop": {GuardKey("web"): {Orphan: true}, GuardKey("gone"): {Protect: true}}}
	before := maps.Clone(guards["shop"])
	app := App{Name: "shop", Services: []Service{{App: "shop", Name: "web"}}, Volumes: []Volume{{Name: "data", HostName: "shop-data-1", Protect: true}}}
	want := map[string]Guard{GuardKey("web"): {}, GuardKey("gone"): {Protect: true}, VolumeKey("shop-data-1"): {Protect: true}}
	if got := guards.Said(&app); !maps.Equal(got, want) {
		t.Errorf("said %v, want %v", got, want)
	}
	if !maps.Equal(guards["shop"], before) {
		t.Errorf("the input was changed to %v", guards)
	}
	guards["shop"][GuardKey("free")] = Guard{}
	if got := guards.Lasting("shop"); !maps.Equal(got, before) {
		t.Errorf("lasting %v, want %v", got, before)
	}
}

func TestOrphans(t *testing.T) {
	guards := Guards{"shop": {GuardKey("web"): {Orphan: true}, GuardKey("old"): {Orphan: true}, GuardKey("db"): {}}}
	orphan := guards.Orphans(&Desired{Apps: []App{{Name: "shop", Services: []Service{{App: "shop", Name: "web"}}}, {Name: "blog", Services: []Service{{App: "blog", Name: "old"}}}}})
	for service, want := range map[string]bool{"web": false, "old": true, "db": false, "never-heard-of": false} {
		if got := orphan(Ownership{App: "shop", Service: service}); got != want {
			t.Errorf("%s: %v, want %v", service, got, want)
		}
	}
}
