package git

import (
	"context"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

func TestPollsWithJitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		var at []time.Time
		wakeAfter(ctx, time.Minute, nil, func() { at = append(at, time.Now()) })
		if len(at) < 54 || len(at) > 67 {
			t.Errorf("%d polls in an hour, want about 60", len(at))
		}
		gaps := map[time.Duration]bool{}
		for i := 1; i < len(at); i++ {
			gap := at[i].Sub(at[i-1])
			gaps[gap] = true
			if gap < 54*time.Second || gap > 66*time.Second+1 {
				t.Errorf("a gap of %s", gap)
			}
		}
		if len(gaps) < 2 {
			t.Error("no jitter")
		}
	})
}

func TestNeverPollsWhenToldSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
		defer cancel()
		wakeAfter(ctx, -1, nil, func() { t.Error("woke") })
	})
}

// burst sends an event each step for a while, and counts what comes out.
func burst(t *testing.T, step, length time.Duration) int {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	in := make(chan struct{}, 1)
	out := debounce(ctx, in)
	count := 0
	go func() {
		for {
			select {
			case <-out:
				count++
			case <-ctx.Done():
				return
			}
		}
	}()
	for end := time.Now().Add(length); time.Now().Before(end); time.Sleep(step) {
		notify(in)
	}
	time.Sleep(2 * ceiling)
	cancel()
	synctest.Wait()
	return count
}

func TestBurstIsOneEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if n := burst(t, quietGap/2, ceiling/2); n != 1 {
			t.Errorf("%d events of one burst", n)
		}
	})
}

func TestEndlessBurstIsHeardAllTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if n := burst(t, quietGap/2, 10*ceiling); n < 9 || n > 11 {
			t.Errorf("%d events in ten ceilings", n)
		}
	})
}

// watched starts a watch that never polls. The returned function waits for a
// wake that finds what done asks for.
func watched(t *testing.T, url string) func(done func() bool) {
	t.Helper()
	r := follow(t, url, func(c *Config) { c.Poll = -1 })
	woken := make(chan struct{}, 1)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.Watch(ctx, func() { notify(woken) })
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return func(done func() bool) {
		t.Helper()
		for !done() {
			select {
			case <-woken:
			case <-time.After(20 * time.Second):
				t.Fatal("not woken")
			}
		}
	}
}

func TestLocalChangesWakeAtOnce(t *testing.T) {
	for name, bare := range map[string]bool{"work tree": false, "bare": true} {
		t.Run(name, func(t *testing.T) {
			s := newSourceWith(t, "a", "1")
			url := s.dir
			if bare {
				url = s.bare()
				s.git("remote", "add", "origin", url)
			}
			r := follow(t, url)
			until := watched(t, url)
			publish := func(args ...string) {
				if bare {
					s.git(append([]string{"push", "-q", "--force", "origin"}, args...)...)
				}
			}
			fetched := func(id string) func() bool {
				return func() bool { return mustFetch(t, r).ID == id }
			}
			first := s.head()
			until(fetched(first))
			second := s.commit("second", "a", "2")
			publish("main")
			until(fetched(second))
			s.git("reset", "-q", "--hard", first)
			publish("main")
			until(fetched(first))
		})
	}
}

func TestNewFoldersOfBranchesAndPackedRefsWake(t *testing.T) {
	s := newSourceWith(t, "a", "1")
	r := follow(t, s.dir)
	until := watched(t, s.dir)
	resolved := func(rev, id string) func() bool {
		return func() bool {
			c, err := r.Resolve(context.Background(), rev)
			return err == nil && c.ID == id
		}
	}
	s.git("checkout", "-q", "-b", "team/a/topic")
	until(resolved("team/a/topic", s.head()))
	next := s.commit("next", "a", "2")
	until(resolved("team/a/topic", next))
	s.git("pack-refs", "--all", "--prune")
	until(resolved("team/a/topic", next))
	until(resolved("team/a/topic", s.commit("after packing", "a", "3")))
}

func TestRepositoryMadeAnewIsWatchedAgain(t *testing.T) {
	s := newSourceWith(t, "a", "1")
	r := follow(t, s.dir)
	until := watched(t, s.dir)
	fetched := func(id string) func() bool {
		return func() bool {
			c, err := r.Fetch(context.Background())
			return err == nil && c.ID == id
		}
	}
	until(fetched(s.head()))
	if err := os.RemoveAll(s.dir); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s.git("init", "-q", "-b", "main")
	id := s.commit("anew", "b", "1")
	until(fetched(id))
	until(fetched(s.commit("and on", "b", "2")))
}
