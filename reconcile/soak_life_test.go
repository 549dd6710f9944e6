package reconcile

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/engine/sim"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// life is a world to which a script happens.
type life struct {
	*world
	script *script
	repo   *repository
	frozen map[int]func()
	cut    map[int]bool // hosts that can't be reached
	guard  *guard
	wrong  []string
}

// simulateQuietly is simulate without a running controller: the life starts it.
func simulateQuietly(t *testing.T, hosts int, f func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		opts := []sim.Option{sim.Latency(soakLatency)}
		if hosts < 10 {
			opts = append(opts, sim.Remember(20))
		}
		w := newWorld(t, hosts, opts...)
		w.start()
		defer func() { w.stop() }()
		f(w)
	})
}

// soakLatency makes ops overlap with what happens meanwhile.
func soakLatency(verb string) time.Duration {
	switch verb {
	case "start", "stop":
		return 300 * time.Millisecond
	case "create", "remove":
		return 50 * time.Millisecond
	}
	return 0
}

func newLife(w *world, s *script) *life {
	l := &life{world: w, script: s, repo: newRepository(s), frozen: map[int]func(){}, cut: map[int]bool{}}
	l.guard = newGuard(l)
	for i := range s.hosts {
		if i%3 == 0 {
			_, _ = l.host(i).RunForeign("foreign", map[string]string{"tallyman.owner": "somebody-else", "tallyman.name": "foreign"}, nil)
			_, _ = l.host(i).RunForeign("copy", map[string]string{"tallyman.owner": owner, "tallyman.app": "app0", "tallyman.service": "a0-s0", "tallyman.slot": "1", "tallyman.name": "another"}, nil)
		}
	}
	return l
}

func (l *life) host(i int) *sim.Host { return l.hosts[fmt.Sprintf("host-%d", i+1)] }

// live lets an event happen when its time has come.
func (l *life) live(e event) {
	if len(l.branch.commits) == 0 {
		l.branch.commit(l.repo.tree())
	}
	l.pass(e.after)
	switch {
	case l.toManifests(e), l.toHosts(e), l.toContainers(e), l.toController(e):
	case e.kind == "quiet":
		l.pass(2 * time.Minute)
	default:
		panic("no such event: " + e.kind)
	}
}

// pass lets time go by, in which controllers that die are succeeded.
func (l *life) pass(d time.Duration) {
	for end := time.Now().Add(d); ; {
		synctest.Wait()
		if l.succeed() {
			l.guard.restarted()
		}
		left := time.Until(end)
		if left <= 0 {
			return
		}
		time.Sleep(min(left, 500*time.Millisecond))
	}
}

func (l *life) toManifests(e event) bool {
	switch e.kind {
	case "commit":
		l.repo.set(e.app, soakApp(e.app, e.n, ""))
	case "bad":
		l.repo.set(e.app, soakApp(e.app, e.n, []string{"exit", "unhealthy"}[e.n%2]))
	case "revert":
		if n := len(l.repo.before); n > 0 {
			l.repo.apps, l.repo.before = l.repo.before[n-1], l.repo.before[:n-1]
		}
	case "remove":
		l.repo.set(e.app, "")
	case "drain":
		l.repo.drained[e.host] = true
	case "cordon":
		l.repo.cordoned[e.host] = true
	case "undrain":
		clear(l.repo.drained)
		clear(l.repo.cordoned)
	case "invalid":
		broken := l.repo.tree()
		broken["broken.yaml"] = &fstest.MapFile{Data: []byte("apiVersion: tallyman/v1\nkind: Service\nmetadata: {name: x}\nspec: {imag: y}\n")}
		l.branch.commit(broken)
		return true
	default:
		return false
	}
	l.guard.touched()
	l.branch.commit(l.repo.tree())
	return true
}

func (l *life) toHosts(e event) bool {
	switch e.kind {
	case "gone":
		l.away1(e.host, true)
	case "back":
		l.away1(e.host, false)
	case "reboot":
		l.host(e.host).PowerCycle()
	case "loseChecks":
		l.host(e.host).LoseChecks()
	case "freeze":
		if l.frozen[e.host] == nil {
			l.frozen[e.host] = l.freeze(fmt.Sprintf("host-%d", e.host+1))
			l.silence(e.host)
		}
	case "thaw":
		l.thaw(e.host)
	case "zone", "zoneBack":
		for i := e.host % 3; i < l.script.hosts; i += 3 {
			l.away1(i, e.kind == "zone")
		}
	case "most", "mostBack":
		for i := range l.script.hosts {
			if i%10 != int(e.n%10) {
				l.away1(i, e.kind == "most")
			}
		}
	case "stale", "fresh":
		if l.script.hosts < 10 {
			l.host(e.host).Stale(map[bool]int{true: 1 + int(e.n%6)}[e.kind == "stale"])
		}
	case "refuse":
		verbs := []string{"create", "start", "stop", "remove", "createNetwork", "createVolume"}
		class := []engine.Class{engine.Failed, engine.Timeout, engine.Conflict}[e.n/7%3]
		l.host(e.host).Inject(sim.Fault{Verb: verbs[e.n%6], Class: class, LoseReply: false, Times: 1 + int(e.n%3)})
	default:
		return false
	}
	l.guard.touched()
	return true
}

func (l *life) away1(i int, gone bool) {
	l.host(i).SetGone(gone)
	l.cut[i] = gone
	l.silence(i)
}

// silence tells the guard whether a host gives an answer: one that is back may be
// frozen still.
func (l *life) silence(i int) { l.guard.silent(i, l.cut[i] || l.frozen[i] != nil) }

func (l *life) thaw(i int) {
	if thaw := l.frozen[i]; thaw != nil {
		thaw()
		delete(l.frozen, i)
		l.silence(i)
	}
}

// toContainers does something to one of ours on a host.
func (l *life) toContainers(e event) bool {
	if !slices.Contains([]string{"kill", "pause", "unhealthy", "removeByHand"}, e.kind) {
		return false
	}
	l.guard.touched()
	var ours []model.Container
	for _, h := range l.sim.Live().Hosts {
		for _, c := range h.Containers {
			if h.Name == l.host(e.host).Name() && c.Owner.Owner == owner && c.Owner.Name == c.Name {
				ours = append(ours, c)
			}
		}
	}
	if len(ours) == 0 {
		return true
	}
	h, id := l.host(e.host), ours[e.n%uint64(len(ours))].ID
	switch e.kind { // it may not run, and then nothing happens
	case "kill":
		_ = h.Kill(id)
	case "pause":
		_ = h.Pause(id)
	case "unhealthy":
		_ = h.SetHealth(id, model.HealthUnhealthy)
	case "removeByHand":
		_ = h.RemoveContainer(id)
	}
	return true
}

func (l *life) toController(e event) bool {
	switch e.kind {
	case "restart":
		l.stop()
		l.start()
	case "stopFor":
		l.stop()
		time.Sleep(time.Duration(e.n%300) * time.Second)
		l.start()
	case "die":
		l.sim.DieAfter(1+int(e.n%10), true)
		return true
	case "dieUnheard":
		l.sim.DieAfter(1+int(e.n%10), false)
		return true
	default:
		return false
	}
	l.guard.restarted()
	return true
}

// settle brings everything back and makes a last commit, which is like none before
// it: what failed because of what happened to the hosts would be on hold.
func (l *life) settle() fstest.MapFS {
	if len(l.branch.commits) == 0 {
		l.branch.commit(l.repo.tree())
	}
	for i := range l.script.hosts {
		l.away1(i, false)
		l.thaw(i)
		l.host(i).Stale(0)
	}
	l.sim.Revive()
	l.pass(2 * time.Minute)
	clear(l.repo.drained)
	clear(l.repo.cordoned)
	for app := range l.script.apps {
		if l.repo.apps[app] != "" {
			l.repo.apps[app] = strings.ReplaceAll(soakApp(app, l.script.seed+1<<32, ""), "environment: {", "environment: {LAST: commit, ")
		}
	}
	last := l.repo.tree()
	l.guard.touched()
	l.branch.commit(last)
	if why := l.converge(); why != "" {
		l.wrong = append(l.wrong, why)
		return last
	}
	effects := l.sim.Effects()
	l.pass(10 * time.Minute)
	if again := l.sim.Effects(); again != effects {
		l.wrong = append(l.wrong, fmt.Sprintf("%d ops after everything was right:\n%s", again-effects, l.lastEvents()))
	}
	if p := l.running.Plan(); !p.Empty() {
		l.wrong = append(l.wrong, "the plan does not stay empty:\n"+p.String())
	}
	return last
}

// converge waits until everything is as the last commit says, or tells why not.
func (l *life) converge() string {
	for end := time.Now().Add(time.Hour); time.Now().Before(end); {
		l.pass(time.Second)
		if l.settled(l.running.Status()) {
			return ""
		}
	}
	return "no convergence within an hour after all hosts were back:\n" + l.describe() + l.lastEvents()
}

func (l *life) problems() []string {
	for _, v := range l.sim.Violations() {
		l.wrong = append(l.wrong, v.Error())
	}
	return append(l.wrong, l.guard.evictions()...)
}

// summary is the end state without the hosts, which depend on the way.
func (l *life) summary() []string {
	counts := map[string]int{}
	for _, h := range l.sim.Live().Hosts {
		for _, c := range h.Containers {
			if c.Owner.Owner == owner && c.Owner.Name == c.Name {
				counts[fmt.Sprintf("%s-%s %s %s", c.Owner.Service, c.Owner.Slot, c.State, c.Owner.Fingerprint)]++
			}
		}
	}
	return lines(counts)
}

// differing are the lines that only one of the two has.
func differing(got, want []string) string {
	var out []string
	for _, line := range got {
		if !slices.Contains(want, line) {
			out = append(out, "  only here:        "+line)
		}
	}
	for _, line := range want {
		if !slices.Contains(got, line) {
			out = append(out, "  only when fresh:  "+line)
		}
	}
	return strings.Join(out, "\n")
}
