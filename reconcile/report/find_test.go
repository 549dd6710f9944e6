package report

import (
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/plan"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// twoWebs is shop with web-1 and web-2, and blog with a service web too, whose
// second replica has no container. The third app and a host are both named
// edge-1; the change is all that is left of shop/old.
func twoWebs() *Status {
	s := mixedStatus()
	s.Apps[0].Services = []Service{
		{App: "blog", Name: "web", Replicas: []Replica{{App: "blog", Service: "web", Slot: "1", ID: "id3"}, {App: "blog", Service: "web", Slot: "2"}, {App: "blog", Service: "web", Slot: "3"}}},
		{App: "blog", Name: "shop", Replicas: []Replica{{App: "blog", Service: "shop", Slot: "1"}}},
	}
	s.Apps = append(s.Apps, App{Name: "edge-1", Phase: rollout.Complete})
	s.Changes = append(s.Changes, Change{Key: replica("old", "1"), Host: "edge-1", Verdict: plan.Remove, Removal: true})
	return s
}

// namesFound are what Find finds, in words.
func namesFound(found []any) string {
	var names []string
	for _, thing := range found {
		switch x := thing.(type) {
		case *App:
			names = append(names, "app "+x.Name)
		case *Service:
			names = append(names, "service "+x.Key())
		case *Replica:
			names = append(names, "replica "+x.Key())
		case *Host:
			names = append(names, "host "+x.Name)
		}
	}
	return strings.Join(names, ", ")
}

func TestFind(t *testing.T) {
	for _, tc := range []struct{ name, want, err string }{
		{"shop", "app shop", ""}, // and not the service blog/shop, which has to be named in full
		{"blog/shop", "service blog/shop", ""},
		{"edge-1", "app edge-1, host edge-1", ""},
		{"edge-2", "host edge-2", ""},
		{"blog/web", "service blog/web", ""},
		{"shop/web-2", "replica shop/web-2", ""},
		{"web-3", "replica blog/web-3", ""},
		{"shop-1", "replica blog/shop-1", ""},
		{"web", "", "could be blog/web or shop/web; name the app, too"},
		{"web-1", "", "could be blog/web-1 or shop/web-1; name the app, too"},
		{"nix", "", "no app, service, replica or host of that name"},
		{"shop/nix", "", "no app, service, replica or host of that name"},
		{"", "", "no app, service, replica or host of that name"},
	} {
		found, err := Find(twoWebs(), tc.name)
		if got := namesFound(found); got != tc.want || !says(err, tc.err) {
			t.Errorf("%q: found %q and %v, want %q and %q", tc.name, got, err, tc.want, tc.err)
		}
	}
	if found, err := Find(mixedStatus(), "web"); err != nil || namesFound(found) != "service shop/web" {
		t.Errorf("the only service web is %q, %v", namesFound(found), err)
	}
}

func says(err error, want string) bool {
	return err == nil && want == "" || err != nil && want != "" && strings.Contains(err.Error(), want)
}

func TestChangesOf(t *testing.T) {
	for _, tc := range []struct {
		name string
		want int
		err  string
	}{
		{"shop", 3, ""}, {"shop/web", 1, ""}, {"shop/web-1", 0, ""}, {"old", 1, ""}, {"old-1", 1, ""}, {"shop/old-1", 1, ""},
		{"web", 0, "could be blog/web or shop/web"},
		{"nix", 0, "no app, service or replica of that name"},
	} {
		if changes, err := ChangesOf(twoWebs(), tc.name); len(changes) != tc.want || !says(err, tc.err) {
			t.Errorf("%s: %d changes and %v, want %d and %q", tc.name, len(changes), err, tc.want, tc.err)
		}
	}
}

func TestFindReplica(t *testing.T) {
	for name, want := range map[string]string{"shop/web-2": "id2", "web-2": "id2", "shop/web": "id1", "web": "id1"} {
		if r, err := FindReplica(mixedStatus(), name); err != nil || r.ID != want {
			t.Errorf("%s: %q, %v", name, r.ID, err)
		}
	}
	for name, want := range map[string]string{
		"web": "could be blog/web or shop/web; name the app, too", "blog/web-2": "has no container", "shop-1": "has no container",
		"nix": "no such replica", "edge-2": "no such replica",
	} {
		if _, err := FindReplica(twoWebs(), name); !says(err, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
