package plan

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"pgregory.net/rapid"
)

// drawWorld makes a fleet on which one set of services was brought up, things
// happened to it by hand, and then another set is asked for.
func drawWorld(t *rapid.T) *world {
	w := newWorld("h0", "h1", "h2")
	w.app("shop").Networks = []model.Network{{App: "shop", Name: "front", HostName: "shop-front"}}
	w.app("shop").Volumes = []model.Volume{{App: "shop", Name: "data", HostName: "shop-data"}}
	w.declare(drawServices(t)...)
	if err := w.settle(); err != nil {
		t.Fatal(err)
	}
	for range rapid.IntRange(0, 4).Draw(t, "mishaps") {
		w.mishap(t)
	}
	w.declare(drawServices(t)...)
	if rapid.IntRange(0, 5).Draw(t, "prunes") == 0 {
		w.app("shop").Sync.MaxRemovals = 1
	}
	return w
}

func drawServices(t *rapid.T) []model.Service {
	var out []model.Service
	publisher := rapid.SampledFrom([]string{"a", "b", "none"}).Draw(t, "publisher")
	for _, name := range []string{"a", "b", "c"} {
		if rapid.IntRange(0, 3).Draw(t, "there") == 0 {
			continue
		}
		s := service(name, rapid.SampledFrom([]string{"web:1", "web:2", "db:1", "new:1"}).Draw(t, "image"), rapid.IntRange(0, 3).Draw(t, "replicas"))
		if rapid.IntRange(0, 3).Draw(t, "global") == 0 {
			s = everywhere(s)
		}
		if rapid.Bool().Draw(t, "networked") {
			s.Container.Networks = []model.Attachment{{Network: "shop-front", Aliases: []string{name}}}
		}
		if rapid.Bool().Draw(t, "keeps") {
			s = keeping(s)
		}
		if name == publisher {
			s = publishing(s, 80)
		}
		s.Update.Order = rapid.SampledFrom([]string{model.OrderAuto, model.OrderStartFirst, model.OrderStopFirst}).Draw(t, "order")
		// An orphan keeps its port for ever, and here a port is one to wait for.
		s.Guard = model.Guard{Orphan: name != publisher && rapid.Bool().Draw(t, "orphan"), Protect: rapid.Bool().Draw(t, "protect")}
		s.Ignore = rapid.SampledFrom([][]string{nil, nil, {"networks"}, {"resources.limits"}, {"image"}, {"mounts", "networks.front.aliases"}}).Draw(t, "ignore")
		s.Pull = rapid.SampledFrom([]string{"missing", "always"}).Draw(t, "pull")
		s.Container.Adjustable.Memory = rapid.SampledFrom([]int64{0, 1 << 20, 1 << 30}).Draw(t, "memory")
		out = append(out, s)
	}
	return out
}

// mishap does one thing to a host that nobody declared.
func (w *world) mishap(t *rapid.T) {
	h := &w.live.Hosts[rapid.IntRange(0, len(w.live.Hosts)-1).Draw(t, "host")]
	foreign := model.Container{Host: h.Name, ID: "f" + h.Name, Name: "theirs-" + h.Name, State: model.StateRunning}
	switch rapid.IntRange(0, 6).Draw(t, "mishap") {
	case 0:
		h.Reachable = false
	case 1:
		h.Networks = slices.DeleteFunc(h.Networks, func(n model.NetworkState) bool { return !w.used(h, n.Name) })
	case 2:
		if !slices.ContainsFunc(h.Containers, func(c model.Container) bool { return c.ID == foreign.ID }) {
			foreign.Owner = model.Ownership{Owner: rapid.SampledFrom([]string{"", us, "somebody"}).Draw(t, "owner"), App: "shop", Service: "a", Slot: "1", Name: "shop-a-1-x"}
			h.Containers = append(h.Containers, foreign)
		}
	default:
		if len(h.Containers) > 0 {
			hurt(t, &h.Containers[rapid.IntRange(0, len(h.Containers)-1).Draw(t, "container")])
		}
	}
}

func (w *world) used(h *model.HostState, network string) bool {
	return slices.ContainsFunc(h.Containers, func(c model.Container) bool {
		return c.Spec != nil && slices.ContainsFunc(c.Spec.Networks, func(a model.Attachment) bool { return a.Network == network })
	})
}

func hurt(t *rapid.T, c *model.Container) {
	c.State = rapid.SampledFrom([]model.State{model.StateExited, model.StatePaused, model.StateCreated, model.StateDead}).Draw(t, "state")
	if c.Spec != nil && rapid.Bool().Draw(t, "disconnected") {
		c.Spec.Networks = nil
	}
	if c.Spec != nil && rapid.Bool().Draw(t, "limited") {
		c.Spec.Adjustable.Pids = 7
	}
}

// owned are the ids of the containers that are ours by the rule of Owned.
func (w *world) owned() map[string]*model.Container {
	out := map[string]*model.Container{}
	for i := range w.live.Hosts {
		for j := range w.live.Hosts[i].Containers {
			if c := &w.live.Hosts[i].Containers[j]; c.OwnedBy(us, w.known) {
				out[c.ID] = c
			}
		}
	}
	return out
}

func TestEverythingIsInThePlanOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		p := w.plan()
		keys, containers := map[Key]int{}, map[string]int{}
		for _, c := range p.Changes {
			keys[c.Key]++
			for _, id := range append([]string{c.Current}, c.Old...) {
				containers[id]++
			}
		}
		for key, n := range keys {
			if n != 1 {
				t.Errorf("%s is in the plan %d times", key, n)
			}
		}
		for id, c := range w.owned() {
			if containers[id] != 1 {
				t.Errorf("container %s is in the plan %d times", c.Name, containers[id])
			}
		}
		for _, s := range w.app("shop").Services {
			for n := range s.Replicas {
				if slot := string(rune('1' + n)); keys[Key{Kind: KindReplica, App: s.App, Service: s.Name, Slot: slot}] != 1 {
					t.Errorf("%s-%s is not in the plan", s.Name, slot)
				}
			}
		}
		for _, h := range w.live.Hosts {
			for _, n := range h.Networks {
				if keys[Key{Kind: KindNetwork, App: "shop", Host: h.Name, Name: n.Name}] != 1 {
					t.Errorf("network %s of host %s is not in the plan", n.Name, h.Name)
				}
			}
			for _, v := range h.Volumes {
				if keys[Key{Kind: KindVolume, App: "shop", Host: h.Name, Name: v.Name}] != 1 {
					t.Errorf("volume %s of host %s is not in the plan", v.Name, h.Name)
				}
			}
		}
		for _, c := range p.Changes {
			if c.Wanted() && len(c.Reasons) == 0 {
				t.Errorf("%s %s gives no reason", c.Verdict, c.Key)
			}
		}
	})
}

func TestOpsTouchOnlyWhatIsOursAndWithinReach(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		owned := w.owned()
		p := w.plan()
		for _, op := range p.Ops() {
			if !w.host(op.On()).Reachable {
				t.Errorf("%s on host %s, which is away", model.Verb(op), op.On())
			}
			target, ok := op.(interface{ Ref() string })
			if ok && strings.HasPrefix(target.Ref(), "id") && owned[target.Ref()] == nil {
				t.Errorf("%s names %s, which is not ours", model.Verb(op), target.Ref())
			}
			if ok && strings.HasPrefix(target.Ref(), "f") {
				t.Errorf("%s names somebody's container %s", model.Verb(op), target.Ref())
			}
			if strings.Contains(strings.ToLower(model.Verb(op)), "removevolume") {
				t.Errorf("%s", model.Verb(op))
			}
		}
	})
}

func TestOrderOfTheInputChangesNoByte(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		before := encode(t, w.desired, w.live)
		want := encode(t, w.plan())
		if after := encode(t, w.desired, w.live); after != before {
			t.Fatalf("the input was changed from\n%s\nto\n%s", before, after)
		}
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		shuffle(random, w.live.Hosts)
		shuffle(random, w.desired.Hosts)
		shuffle(random, w.app("shop").Services)
		for i := range w.live.Hosts {
			shuffle(random, w.live.Hosts[i].Containers)
			shuffle(random, w.live.Hosts[i].Networks)
			shuffle(random, w.live.Hosts[i].Volumes)
		}
		if got := encode(t, w.plan()); got != want {
			t.Fatalf("in another order the plan is\n%s\nnot\n%s", got, want)
		}
	})
}

func shuffle[T any](random *rand.Rand, list []T) {
	random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
}

func encode(t *rapid.T, values ...any) string {
	data, err := json.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestAPlanSurvivesJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawWorld(t).plan()
		data := encode(t, p)
		var back []Plan
		if err := json.Unmarshal([]byte(data), &back); err != nil {
			t.Fatal(err)
		}
		if again := encode(t, back[0]); again != data {
			t.Fatalf("went in as\n%s\ncame out as\n%s", data, again)
		}
		if back[0].String() != p.String() {
			t.Fatalf("went in as\n%s\ncame out as\n%s", p.String(), back[0].String())
		}
	})
}

// TestPerformingAPlanLeavesNothingToDo is the first invariant. A port that is
// handed over takes another round: the new one can't start before the old one
// has gone.
func TestPerformingAPlanLeavesNothingToDo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		w.allow = true
		for i := range w.live.Hosts {
			w.live.Hosts[i].Reachable = true
		}
		volumes := w.volumes()
		for round := 0; ; round++ {
			p := w.plan()
			if len(p.Ops()) == 0 {
				break
			}
			if refused := w.perform(t, p); !refused && round > 0 {
				t.Fatalf("round %d still had to\n%s", round, p.String())
			}
			if round == 5 {
				t.Fatalf("no end to it:\n%s", p.String())
			}
		}
		for name := range volumes {
			if !w.volumes()[name] {
				t.Errorf("volume %s has gone", name)
			}
		}
		w.checkEnd(t)
	})
}

// perform does the plan's ops. A task whose op is refused for a port ends
// there; it says whether one did or did before, or found no host for a port.
func (w *world) perform(t *rapid.T, p Plan) (refused bool) {
	for stage := range stages {
		for _, c := range p.Changes {
			refused = refused || c.Verdict == Blocked && strings.Contains(strings.Join(c.Reasons, ""), " taken")
			for _, s := range c.Steps {
				if c.stage(s) != stage || stage == stages-1 && refused {
					continue
				}
				err := w.do(s.Op)
				if errors.Is(err, errPortTaken) {
					refused = true
					break
				}
				if err != nil {
					t.Fatalf("%s: %v\n%s", model.Verb(s.Op), err, p.String())
				}
			}
		}
	}
	w.refused, refused = refused, refused || w.refused
	return refused
}

func (w *world) volumes() map[string]bool {
	out := map[string]bool{}
	for _, h := range w.live.Hosts {
		for _, v := range h.Volumes {
			out[h.Name+"/"+v.Name] = true
		}
	}
	return out
}

// checkEnd: every slot that has a host runs once, and nothing else of ours is
// left.
func (w *world) checkEnd(t *rapid.T) {
	p := w.plan()
	wanted := 0
	for _, c := range p.Changes {
		if c.Key.Kind == KindReplica && c.Verdict == Unchanged && !c.Orphaned {
			wanted++
		}
		if c.Wanted() && c.Verdict != Blocked {
			t.Errorf("%s %s has no ops", c.Verdict, c.Key)
		}
	}
	runs := 0
	for _, c := range w.owned() {
		if c.State == model.StateRunning && !w.orphan(c) {
			runs++
		}
	}
	blocked := 0
	for _, c := range p.Changes {
		if c.Key.Kind == KindReplica && c.Verdict == Blocked {
			blocked += len(c.Old)
		}
	}
	if runs > wanted+blocked || runs < wanted {
		t.Errorf("%d containers run for %d replicas and %d blocked ones:\n%s", runs, wanted, blocked, p.String())
	}
}
