package rollout

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
	"pgregory.net/rapid"
)

// bounds are what the update policies of a walk have in common: how many replicas
// of each service are in hand at once, and how many canaries there are beside.
type bounds struct{ a, b, canaries int }

func (b bounds) of(service string) int {
	if service == "a" {
		return b.a
	}
	return b.b
}

// watch counts, op by op, what the update policy is about.
type watch struct {
	*fleet
	t      *rapid.T
	bounds bounds
	// down are the slots whose last ready container we stopped, and that have
	// had none since.
	down map[string]bool
	// lost are the slots whose host went away meanwhile, which holds up nobody, and
	// those that a commit did without for a while: what becomes of them is not the
	// policy's fault.
	lost map[string]bool
}

func newWatch(t *rapid.T, b bounds) *watch {
	return &watch{fleet: newFleet("h1", "h2", "h3"), t: t, bounds: b, down: map[string]bool{}, lost: map[string]bool{}}
}

func slotOf(c *model.Container) string { return c.Owner.Service + "-" + c.Owner.Slot }

func (w *watch) ready(slot string) bool {
	return slices.ContainsFunc(w.containers(""), func(c *model.Container) bool {
		return slotOf(c) == slot && Ready(c, 0, w.now)
	})
}

// advanceTask does one op of a task, so that decisions fall between any two.
func (w *watch) advanceTask(key plan.Key) model.Op {
	task := w.busy[key]
	op := task.Ops[0]
	if reason := w.do(op); reason != "" {
		a := w.state.Attempts[key]
		a.Reason, a.Last = reason, w.now
		w.state.Attempts[key] = a
		task.Ops = task.Ops[:1]
	}
	task.Ops = task.Ops[1:]
	w.busy[key] = task
	if len(task.Ops) == 0 {
		delete(w.busy, key)
	}
	return op
}

// perform does it and looks at what that means for the update policies.
func (w *watch) perform(key plan.Key) {
	before := map[string]bool{}
	for _, c := range w.containers("") {
		before[slotOf(c)] = w.ready(slotOf(c))
	}
	op := w.advanceTask(key)
	for slot, was := range before {
		if was && !w.ready(slot) && w.wanted(slot) && !w.lost[slot] {
			w.down[slot] = true
		}
	}
	w.check(op)
}

func (w *watch) wanted(slot string) bool {
	for _, s := range w.desired.Apps[0].Services {
		for n := range s.Replicas {
			if slot == fmt.Sprintf("%s-%d", s.Name, n+1) {
				return true
			}
		}
	}
	return false
}

func (w *watch) check(op model.Op) {
	for _, s := range w.desired.Apps[0].Services {
		down, crowded := 0, 0
		for n := range s.Replicas {
			slot := fmt.Sprintf("%s-%d", s.Name, n+1)
			if w.ready(slot) {
				delete(w.down, slot)
			}
			if w.down[slot] {
				down++
			}
			running := 0
			for _, c := range w.containers(s.Name) {
				if slotOf(c) == slot && c.Running() {
					running++
				}
			}
			if running > 2 && !w.lost[slot] {
				w.t.Fatalf("after %s: %d containers of %s run", model.Verb(op), running, slot)
			}
			if running == 2 && !w.lost[slot] {
				crowded++
			}
		}
		if down > s.Update.AtOnce(s.Replicas) {
			w.t.Fatalf("after %s: %d replicas of %s are down by our doing, parallelism is %s", model.Verb(op), down, s.Name, s.Update.Parallelism)
		}
		if crowded > s.Update.AtOnce(s.Replicas)+w.bounds.canaries {
			w.t.Fatalf("after %s: %d replicas of %s run twice, parallelism is %s and there are %d canaries", model.Verb(op), crowded, s.Name, s.Update.Parallelism, w.bounds.canaries)
		}
	}
}

func drawCommit(t *rapid.T, b bounds) []model.Service {
	var out []model.Service
	for _, name := range []string{"a", "b"} {
		s := declared(name, rapid.SampledFrom([]string{"web:1", "web:2", "web:3"}).Draw(t, "image"), 3)
		s = behaving(s, rapid.SampledFrom([]string{"", "healthy", "healthy", "slow", "exit", "loop", "unhealthy", "never"}).Draw(t, "behaviour"))
		s.Update.Order = rapid.SampledFrom([]string{model.OrderAuto, model.OrderStopFirst}).Draw(t, "order")
		s.Update.Parallelism = model.Portion{N: b.of(name)}
		s.Update.Delay = rapid.SampledFrom([]time.Duration{0, 0, 10 * time.Second}).Draw(t, "delay")
		s.Update.MinHealthy = model.Portion{N: rapid.IntRange(0, 2).Draw(t, "minHealthy")}
		s.MinAvailable = model.Portion{N: rapid.SampledFrom([]int{0, 0, 1, 2, 3}).Draw(t, "minAvailable")}
		if b.canaries > 0 {
			s.Update.Canary = model.Canary{Replicas: model.Portion{N: b.canaries}, PromoteAfter: 20 * time.Second, Manual: rapid.Bool().Draw(t, "manual")}
		}
		if name == "b" && rapid.Bool().Draw(t, "depends") {
			s.DependsOn = []string{"a"}
		}
		out = append(out, s)
	}
	return out
}

// checkBegun holds what has just been begun to minHealthy and minAvailable: a
// replica that serves is taken away only while enough others serve and are left
// alone, whatever it is taken away for.
func (w *watch) checkBegun() {
	for _, s := range w.choice.Desired.Apps[0].Services {
		serving, falling, begun, surplus := 0, 0, false, false
		for n := range most {
			key := plan.Key{Kind: plan.KindReplica, App: "shop", Service: s.Name, Slot: fmt.Sprint(n + 1)}
			up, left := w.served(&s, key)
			ends := up && !left && slices.ContainsFunc(w.last.Tasks, func(t Task) bool { return t.Key == key })
			if n >= s.Replicas { // it is to go, and is none of those that count
				surplus = surplus || ends
				continue
			}
			if up {
				serving++
			}
			if up && !left {
				falling++
			}
			begun = begun || ends
		}
		least := s.MinAvailable.Up(s.Replicas)
		if (begun || surplus) && serving-falling < least {
			w.t.Fatalf("%d of %d replicas of %s will be available, minAvailable is %d: %+v", serving-falling, serving, s.Name, least, w.last.Tasks)
		}
		if least = s.Update.MinHealthy.Up(s.Replicas); begun && serving-falling < least {
			w.t.Fatalf("%d of %d replicas of %s will serve, minHealthy is %d: %+v", serving-falling, serving, s.Name, least, w.last.Tasks)
		}
	}
}

// most is how many replicas a service of a walk has at most.
const most = 3

// served says whether a replica serves, where it can be reached, and whether
// anything that serves is left when the task at work on it has ended.
func (w *watch) served(s *model.Service, key plan.Key) (up, left bool) {
	for _, c := range w.containers(s.Name) {
		if c.Owner.Slot != key.Slot || !w.host(c.Host).Reachable || !Ready(c, s.Update.Monitor, w.now) {
			continue
		}
		up = true
		left = left || !slices.ContainsFunc(w.busy[key].Ops, func(op model.Op) bool {
			stop, ok := op.(model.StopContainer)
			return ok && stop.ID == c.ID
		})
	}
	return up, left
}

// TestNeverLessNorMoreThanThePolicyAllows walks at random: commits good and bad
// cut each other short, ops end one at a time and in any order, the controller
// is killed, containers are, hosts come and go.
func TestNeverLessNorMoreThanThePolicyAllows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWatch(t, bounds{rapid.IntRange(1, 2).Draw(t, "parallelism"), 1, rapid.IntRange(0, 1).Draw(t, "canaries")})
		w.commit(behaving(declared("a", "web:1", 3), "healthy"), behaving(declared("b", "web:1", 3), ""))
		for i := range w.desired.Apps[0].Services {
			w.desired.Apps[0].Services[i].Update.Parallelism = model.Portion{N: w.bounds.of(w.desired.Apps[0].Services[i].Name)}
		}
		w.fleet.run(t, Complete)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			w.step()
		}
	})
}

func (w *watch) step() {
	switch n := rapid.IntRange(0, 22).Draw(w.t, "step"); {
	case n == 0:
		w.commit(drawCommit(w.t, w.bounds)...)
	case n == 1:
		w.restart()
	case n == 20:
		if next, err := w.state.Obey(Order{Verb: VerbPromote, App: "shop"}, w.now); err == nil {
			w.state = next
		}
	case n == 21:
		h := &w.desired.Hosts[rapid.IntRange(0, 2).Draw(w.t, "host")]
		h.Drain = !h.Drain
	case n == 22:
		w.restaff()
	case n == 2:
		if running := w.containers(""); len(running) > 0 {
			c := running[rapid.IntRange(0, len(running)-1).Draw(w.t, "victim")]
			if c.Running() {
				c.State, c.FinishedAt = model.StateExited, w.now
			}
		}
	case n == 3:
		h := w.host("h2")
		h.Reachable = !h.Reachable
		h.Since = w.now
		for _, c := range h.Containers {
			w.lost[slotOf(&c)] = true
			delete(w.down, slotOf(&c))
		}
	case n < 8:
		w.advance(time.Duration(rapid.IntRange(1, 40).Draw(w.t, "seconds")) * time.Second)
	case n < 14:
		keys := slices.SortedFunc(maps.Keys(w.busy), plan.CompareKeys)
		if len(keys) > 0 {
			w.perform(keys[rapid.IntRange(0, len(keys)-1).Draw(w.t, "task")])
		}
	default:
		w.decide()
		w.checkBegun()
	}
}

// restaff is a commit that changes how many replicas there are, and nothing of
// what they are.
func (w *watch) restaff() {
	services := slices.Clone(w.desired.Apps[0].Services)
	for i := range services {
		services[i].Replicas = rapid.IntRange(1, most).Draw(w.t, "replicas")
		services[i].MinAvailable.N = min(services[i].MinAvailable.N, services[i].Replicas)
		for n := services[i].Replicas; n < most; n++ {
			slot := fmt.Sprintf("%s-%d", services[i].Name, n+1)
			w.lost[slot] = true
			delete(w.down, slot)
		}
	}
	w.commit(services...)
}

// TestDecideChangesNoInputAndIsAFunction: the same input gives the same result,
// and is as it was afterwards.
func TestDecideChangesNoInputAndIsAFunction(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWatch(t, bounds{1, 1, 1})
		w.commit(drawCommit(t, w.bounds)...)
		for range rapid.IntRange(0, 30).Draw(t, "steps") {
			w.step()
		}
		w.decide()
		busy := map[plan.Key]string{}
		for key, task := range w.busy {
			busy[key] = task.Digest
		}
		in := Input{Desired: &w.desired, Live: &w.live, Plan: &w.plan, Now: w.now.Add(time.Minute), State: w.state, Busy: busy}
		records, attempts := maps.Clone(w.state.Records), maps.Clone(w.state.Attempts)
		first := Decide(in)
		if second := Decide(in); !reflect.DeepEqual(first, second) {
			t.Fatalf("decided %+v, then %+v", first, second)
		}
		if !reflect.DeepEqual(records, w.state.Records) || !reflect.DeepEqual(attempts, w.state.Attempts) {
			t.Fatal("the state that went in was changed")
		}
	})
}

// TestAGoodCommitCuresEverything: whatever happened before, declaring what works
// leads there, and then to nothing at all.
func TestAGoodCommitCuresEverything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWatch(t, bounds{2, 1, 1})
		w.commit(drawCommit(t, w.bounds)...)
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			w.step()
		}
		w.host("h2").Reachable = true
		for i := range w.desired.Hosts {
			w.desired.Hosts[i].Drain = false
		}
		w.commit(behaving(declared("a", "web:1", 2), "healthy"), behaving(declared("b", "web:3", 3), ""))
		w.fleet.run(t, Complete)
		if a, b := w.images("a"), w.images("b"); a != "web:1 web:1" || b != "web:3 web:3 web:3" || len(w.containers("")) != 5 {
			t.Fatalf("%q and %q run, %d containers in all", a, b, len(w.containers("")))
		}
		for range 100 {
			w.pass()
			if len(w.last.Tasks) > 0 {
				t.Fatalf("is not at rest: %+v", w.last.Tasks)
			}
		}
	})
}
