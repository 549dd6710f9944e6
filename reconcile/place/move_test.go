package place

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"pgregory.net/rapid"
)

func anyApp(string) bool { return true }

// suggested are moves as text: `web-2 a→c`.
func suggested(moves []Suggestion) string {
	var parts []string
	for _, m := range moves {
		parts = append(parts, fmt.Sprintf("%s-%s %s→%s", m.Service, m.Slot, m.From, m.Host))
	}
	return strings.Join(parts, " ")
}

func expectMoves(t *testing.T, in Input, most int, want string) []Suggestion {
	t.Helper()
	moves := Rebalance(in, most, anyApp)
	if got := suggested(moves); got != want {
		t.Errorf("suggested %q, want %q", got, want)
	}
	return moves
}

func crowded() Input {
	hosts, live := sized(1000, 1000, 1000)
	s := reserving(web(4), 100)
	put(&live, "a", container(s, "1", "x"), container(s, "2", "x"), container(s, "3", "x"))
	put(&live, "b", container(s, "4", "x"))
	return Input{Services: []model.Service{s}, Hosts: hosts, Live: live, Owner: "me"}
}

func TestRebalanceFillsAnEmptyHost(t *testing.T) {
	moves := expectMoves(t, crowded(), 10, "web-3 a→c")
	if want := "of web 0 there, 2 others here"; moves[0].Why != want {
		t.Errorf("why: %s, want %s", moves[0].Why, want)
	}
}

func TestOneOtherIsOne(t *testing.T) {
	in := crowded()
	in.Live.Hosts[0].Containers = in.Live.Hosts[0].Containers[:2]
	in.Services[0].Replicas = 3
	moves := Rebalance(in, 10, anyApp)
	if len(moves) != 1 || moves[0].Why != "of web 0 there, 1 other here" {
		t.Errorf("got %+v", moves)
	}
}

func TestRebalanceEvensTheFailureDomains(t *testing.T) {
	in := crowded()
	for i, zone := range []string{"x", "x", "y"} {
		in.Hosts[i].Labels = map[string]string{"zone": zone}
	}
	in.Services[0].Placement.Spread = []string{"host.labels.zone"}
	moves := expectMoves(t, in, 10, "web-3 a→c web-2 a→c")
	if want := "host.labels.zone: 0 there, 3 here"; moves[0].Why != want {
		t.Errorf("why: %s, want %s", moves[0].Why, want)
	}
	expectMoves(t, in, 1, "web-3 a→c")
}

func TestRebalanceLeavesAloneWhatItShould(t *testing.T) {
	for name, change := range map[string]func(in *Input){
		"a host that takes nothing":      func(in *Input) { in.Hosts[2].Schedulable = false },
		"a host without room":            func(in *Input) { in.Hosts[2].Capacity.Memory = 50 << 20 },
		"replicas that are out of reach": func(in *Input) { in.Live.Hosts[0].Reachable = false },
		"replicas that are not well": func(in *Input) {
			for i := range in.Live.Hosts[0].Containers {
				in.Live.Hosts[0].Containers[i].Health = model.HealthStarting
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := crowded()
			in.Services[0].Replicas = 4
			change(&in)
			for _, m := range Rebalance(in, 10, anyApp) {
				if m.Host == "c" && name != "replicas that are out of reach" || m.From == "a" && name == "replicas that are out of reach" {
					t.Errorf("moves %s", suggested([]Suggestion{m}))
				}
			}
		})
	}
	if moves := Rebalance(crowded(), 10, func(string) bool { return false }); len(moves) > 0 {
		t.Errorf("an app that is not to be touched moves %s", suggested(moves))
	}
}

func TestRebalancePacks(t *testing.T) {
	in := crowded()
	in.Services[0].Placement.Strategy = model.StrategyPack
	expectMoves(t, in, 10, "web-4 b→a")
}

func TestRebalanceDoesNotMoveForLittle(t *testing.T) {
	hosts, live := sized(1000, 1000)
	db, cache := reserving(as(web(1), "shop", "db", 0), 300), reserving(as(web(1), "shop", "cache", 0), 90)
	other := reserving(as(web(1), "shop", "other", 0), 300)
	put(&live, "a", container(db, "1", "x"), container(cache, "1", "x"))
	put(&live, "b", container(other, "1", "x"))
	in := Input{Services: []model.Service{db, cache, other}, Hosts: hosts, Live: live, Owner: "me"}
	expectMoves(t, in, 10, "")
}

func TestMovesAreOrders(t *testing.T) {
	in := crowded()
	in.Moves = []model.Move{{App: "shop", Service: "web", Slot: "2", Host: "c", Why: "ordered by ada"}}
	r := Place(in)
	expect(t, r, "web-1@=a web-2@c web-3@=a web-4@=b")
	if r.Assignments[1].Why != "ordered by ada" {
		t.Errorf("why: %q", r.Assignments[1].Why)
	}

	in.Hosts[2].Schedulable = false
	expect(t, Place(in), "web-1@=a web-2@=a web-3@=a web-4@=b")

	in.Moves[0].Slot, in.Moves[0].Host = "9", "nowhere"
	expect(t, Place(in), "web-1@=a web-2@=a web-3@=a web-4@=b")
}

// Of two that change places where each leaves room for the other only one after
// the other, whichever is ordered first.
func TestMovesMakeRoomForEachOther(t *testing.T) {
	hosts, live := sized(1000, 1000, 1000)
	x, y := reserving(as(web(1), "shop", "x", 0), 900), reserving(as(web(1), "shop", "y", 0), 900)
	put(&live, "a", container(x, "1", "x"))
	put(&live, "b", container(y, "1", "x"))
	in := Input{Services: []model.Service{x, y}, Hosts: hosts, Live: live, Owner: "me", Moves: []model.Move{
		{App: "shop", Service: "x", Slot: "1", Host: "b"}, {App: "shop", Service: "y", Slot: "1", Host: "c"},
	}}
	expect(t, Place(in), "x-1@b y-1@c")
}

// What is suggested can be ordered and is then placed so. Once it is done nothing
// is left to suggest, unless services want what others don't: to be packed and
// spread, or near each other.
func TestSuggestionsHoldAndEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawWorld(t)
		for range 4 {
			in = apply(in, Place(in))
		}
		alike := rapid.Bool().Draw(t, "alike")
		for i := range in.Services {
			if p := &in.Services[i].Placement; alike {
				p.Strategy, p.Affinity, p.AntiAffinity = "", nil, nil
			}
		}
		moves := Rebalance(in, 100, anyApp)
		for _, m := range moves {
			in.Moves = append(in.Moves, m.Move)
		}
		r := Place(in)
		for _, m := range in.Moves {
			if a := assignmentOf(r, m.Service, m.Slot); a == nil || a.Host != m.Host {
				t.Fatalf("%s-%s does not get to %s: %s\nof %s", m.Service, m.Slot, m.Host, text(r), suggested(moves))
			}
		}
		in = apply(in, r)
		in.Moves = nil
		if again := Rebalance(in, 100, anyApp); alike && len(again) > 0 {
			t.Fatalf("after %s still %s", suggested(moves), suggested(again))
		}
	})
}
