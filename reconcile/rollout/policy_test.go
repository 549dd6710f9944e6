package rollout

import (
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// updating is a service of three replicas that become healthy after 2 s, and
// how they are replaced.
func updating(image string, change func(*model.Update)) model.Service {
	s := behaving(declared("web", image, 3), "healthy")
	change(&s.Update)
	return s
}

// starts are when containers of the service were started, from the beginning of
// the rollout.
func (f *fleet) starts(image string) []time.Duration {
	var out []time.Duration
	for _, c := range f.containers("web") {
		if c.Spec.Image == image {
			out = append(out, c.StartedAt.Sub(f.record().StartedAt))
		}
	}
	return out
}

func TestDelayIsKeptBetweenReplicas(t *testing.T) {
	delayed := func(u *model.Update) { u.Delay = 30 * time.Second }
	for name, every := range map[string]func(*fleet){"undisturbed": func(*fleet) {}, "killed in every pass": (*fleet).restart} {
		f := newFleet("h1")
		f.up(t, updating("web:1", delayed))
		f.commit(updating("web:2", delayed))
		for f.record().Phase != Complete || f.record().Revision != f.desired.Revision {
			f.pass()
			every(f)
		}
		started := f.starts("web:2")
		for i, at := range started[1:] {
			if gap := at - started[i]; gap < 30*time.Second || gap > 36*time.Second {
				t.Errorf("%s: replica %d was begun %s after the one before, want 2s to be ready and 30s of delay", name, i+2, gap)
			}
		}
	}
}

func TestTheFirstReplicasAreNotDelayed(t *testing.T) {
	f := newFleet("h1")
	began := f.now
	f.up(t, updating("web:1", func(u *model.Update) { u.Delay = time.Hour }))
	if took := f.now.Sub(began); took > time.Minute {
		t.Errorf("a delay between replacements held up replicas that replace nothing: %s", took)
	}
}

func TestDelayAndWhatElseIsWaitedForDoNotCountForTheDeadline(t *testing.T) {
	f := newFleet("h1")
	slowly := func(u *model.Update) { u.Delay = 10 * time.Minute }
	f.up(t, updating("web:1", slowly))
	f.commit(updating("web:2", slowly))
	f.pass()
	if !strings.HasPrefix(f.held("shop/web-2"), notYet) {
		t.Errorf("says %q of the second while the first is in hand", f.held("shop/web-2"))
	}
	for range 10 {
		f.pass()
	}
	if want := "waits until 06:10:"; !strings.HasPrefix(f.held("shop/web-2"), want) {
		t.Errorf("says %q, want %q", f.held("shop/web-2"), want)
	}
	f.state.Standings = map[string]Standing{"shop": {Good: f.state.Standings["shop"].Good, Pause: &Pause{Since: f.now}}}
	for range 3600 {
		f.pass()
	}
	if got := f.images("web"); got != "web:1 web:1 web:2" {
		t.Errorf("%q runs after an hour of pause", got)
	}
	f.state.Standings["shop"] = Standing{Good: f.state.Standings["shop"].Good}
	if r := f.run(t, Complete); r.Reason != "" {
		t.Error(r.Reason)
	}
}

// TestWhatTurnsBadWhileItIsWatchedFailsTheRollout: all are healthy, the old
// ones are gone, and the rollout is not complete before the monitor time is over.
func TestWhatTurnsBadWhileItIsWatchedFailsTheRollout(t *testing.T) {
	for behaviour, reason := range map[string]string{"sickens": "shop/web-1 on h1: unhealthy", "ends": "shop/web-1 on h1: exited with code 3"} {
		f := newFleet("h1")
		f.up(t, declared("web", "web:1", 1))
		web := behaving(declared("web", "web:2", 1), behaviour)
		web.Update.Monitor = 20 * time.Second
		f.commit(web)
		if r := f.run(t, Failed); r.Reason != reason {
			t.Errorf("failed because %q, want %q", r.Reason, reason)
		}
		web.Update.Monitor = 4 * time.Second
		f.commit(web)
		f.run(t, Complete)
	}
}

func TestARolloutIsCompleteWhenAllHaveRunForTheMonitorTime(t *testing.T) {
	f := newFleet("h1")
	f.up(t, updating("web:1", func(*model.Update) {}))
	f.commit(updating("web:2", func(u *model.Update) { u.Monitor = 40 * time.Second }))
	f.run(t, Complete)
	started := f.starts("web:2")
	if gap := started[1] - started[0]; gap > 10*time.Second {
		t.Errorf("the second was begun %s after the first: being watched holds nobody up", gap)
	}
	if took := f.record().EndedAt.Sub(f.record().StartedAt) - started[2]; took < 40*time.Second || took > 42*time.Second {
		t.Errorf("complete %s after the last was started, want the monitor time", took)
	}
}

func TestMinHealthyHoldsBackWhatStopsFirst(t *testing.T) {
	stopFirst := func(u *model.Update) {
		u.Order, u.Parallelism, u.MinHealthy = model.OrderStopFirst, model.Portion{}, model.Portion{N: 50, Percent: true}
	}
	f := newFleet("h1")
	f.up(t, updating("web:1", stopFirst))
	f.commit(updating("web:2", stopFirst))
	for f.record().Phase != Complete || f.record().Revision != f.desired.Revision {
		f.pass()
		serving := 0
		for _, c := range f.containers("web") {
			if Ready(c, 0, f.now) {
				serving++
			}
		}
		if serving < 2 && f.record().Phase == Progressing && f.containers("web")[0].Health != model.HealthStarting {
			t.Fatalf("%d of 3 serve, minHealthy is 50%%, which is 2", serving)
		}
	}
	if got := f.images("web"); got != "web:2 web:2 web:2" {
		t.Errorf("%q runs", got)
	}
}

// TestMinHealthyThatCanNotBeHadEndsInTime: one replica was ended and can't come
// back, so no other may stop.
func TestMinHealthyThatCanNotBeHadEndsInTime(t *testing.T) {
	f := newFleet("h1", "h2")
	policy := func(u *model.Update) { u.Order, u.MinHealthy = model.OrderStopFirst, model.Portion{N: 2} }
	f.up(t, updating("web:1", policy))
	f.host("h2").Reachable = false
	f.commit(updating("web:2", policy))
	r := f.run(t, Failed)
	if want := "2 replicas serve of 3, and update.minHealthy is 2"; !strings.Contains(r.Reason, want) || !strings.Contains(r.Reason, "no progress within 1m0s") {
		t.Errorf("failed because %q, want %q", r.Reason, want)
	}
	if got := f.images("web"); got != "web:1 web:1 web:1" {
		t.Errorf("%q runs", got)
	}
}

func TestMinHealthyDoesNotConcernStartFirst(t *testing.T) {
	f := newFleet("h1")
	policy := func(u *model.Update) { u.MinHealthy = model.Portion{N: 3} }
	f.up(t, updating("web:1", policy))
	f.commit(updating("web:2", policy))
	f.run(t, Complete)
}

func TestPortionsOfTheUpdatePolicy(t *testing.T) {
	for _, tc := range []struct {
		parallelism model.Portion
		replicas, n int
	}{
		{model.Portion{}, 10, 10}, // all at once
		{model.Portion{N: 3}, 10, 3},
		{model.Portion{N: 25, Percent: true}, 10, 2},
		{model.Portion{N: 25, Percent: true}, 3, 1}, // never none
	} {
		u := model.Update{Parallelism: tc.parallelism}
		if got := u.AtOnce(tc.replicas); got != tc.n {
			t.Errorf("parallelism %s of %d replicas is %d, want %d", tc.parallelism, tc.replicas, got, tc.n)
		}
	}
	f := newFleet("h1")
	f.up(t, declared("web", "web:1", 4))
	web := behaving(declared("web", "web:2", 4), "exit")
	web.Update.MaxFailures = model.Portion{N: 45, Percent: true} // 1 of 4
	f.commit(web)
	f.run(t, Failed)
	if f.pass(); len(f.containers("web")) != 6 {
		t.Errorf("%d containers, want the 4 old ones and 2 failed ones", len(f.containers("web")))
	}
}

// TestTheDeadlineRestartsWhenAReplicaBecomesReady: the last of three never does,
// and its time counts from when the second did.
func TestTheDeadlineRestartsWhenAReplicaBecomesReady(t *testing.T) {
	f := newFleet("h1")
	f.up(t, updating("web:1", func(*model.Update) {}))
	f.commit(behaving(updating("web:2", func(*model.Update) {}), "slow"))
	for len(f.starts("web:2")) < 3 {
		f.pass()
	}
	f.stuck = f.containers("web")[len(f.containers("web"))-1].ID
	began := f.now
	for f.record().Phase == Progressing {
		f.pass()
	}
	if took := f.now.Sub(began); took < 55*time.Second || took > 65*time.Second {
		t.Errorf("failed %s after the last replica had come up, the deadline is a minute: %s", took, f.record().Reason)
	}
}
