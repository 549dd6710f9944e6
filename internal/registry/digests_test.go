package registry

import (
	"context"
	"net/http"
	"sync"
	"testing"
)

// once answers every question, when release is closed.
func once(t *testing.T, release <-chan struct{}) *front {
	return answering(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		select {
		case <-release:
			found(w)
		case <-r.Context().Done():
		}
	})
}

func released() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

func TestAReferenceIsAskedForOncePerRevision(t *testing.T) {
	release := make(chan struct{})
	f := once(t, release)
	r, _ := resolver(t)
	d := NewDigests(r, nil)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if got, err := d.Digest(t.Context(), Ask{Revision: "a", Ref: f.ref("web:1")}); err != nil || got != some {
				t.Errorf("got %s, %v", got, err)
			}
		})
	}
	close(release)
	wg.Wait()
	if n := f.heads.Load(); n != 1 {
		t.Errorf("20 at once: %d HEADs, want 1", n)
	}
	for _, revision := range []string{"a", "b", "a", "b"} {
		if _, err := d.Digest(t.Context(), Ask{Revision: revision, Ref: f.ref("web:1")}); err != nil {
			t.Fatal(err)
		}
	}
	if n := f.heads.Load(); n != 2 {
		t.Errorf("two revisions: %d HEADs, want 2", n)
	}
}

func TestAnAnswerToOwnCredentialsIsNotForOthers(t *testing.T) {
	registry := guarded(t)
	push(t, registry.Ref("web:1"), ada())
	r, _ := resolver(t)
	d := NewDigests(r, nil)
	q := Ask{Revision: "a", Ref: registry.Ref("web:1")}
	own := q
	own.Own, own.Whose = user("ada", secret), "shop"
	if _, err := d.Digest(t.Context(), own); err != nil {
		t.Errorf("with credentials of its own: %v", err)
	}
	if _, err := d.Digest(t.Context(), q); ClassOf(err) != Denied {
		t.Errorf("without: %v, want denied", err)
	}
	own.Whose, own.Own = "other", user("eve", "guess")
	if _, err := d.Digest(t.Context(), own); ClassOf(err) != Denied {
		t.Errorf("with somebody else's: %v, want denied", err)
	}
}

func TestAFailureIsAskedAgain(t *testing.T) {
	missing := true
	f := answering(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
		if missing {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		found(w)
	})
	r, _ := resolver(t)
	d := NewDigests(r, nil)
	q := Ask{Revision: "a", Ref: f.ref("web:1")}
	if _, err := d.Digest(t.Context(), q); ClassOf(err) != NotFound {
		t.Errorf("got %v", err)
	}
	missing = false
	if got, err := d.Digest(t.Context(), q); err != nil || got != some {
		t.Errorf("after it was pushed: %s, %v", got, err)
	}
}

// TestOneWhoGivesUpDoesNotSpoilItForTheOthers cancels the one who asked first.
func TestOneWhoGivesUpDoesNotSpoilItForTheOthers(t *testing.T) {
	release := make(chan struct{})
	f := once(t, release)
	r, _ := resolver(t)
	d := NewDigests(r, nil)
	q := Ask{Revision: "a", Ref: f.ref("web:1")}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	asked := make(chan struct{})
	wg.Go(func() {
		a, mine := d.claim(q.Revision, q.Ref)
		if !mine {
			t.Error("somebody asked before")
		}
		close(asked)
		<-ctx.Done()
		_, a.err = r.Resolve(ctx, q.Ref, nil)
		a.abandoned = true
		d.settle(q.Revision, q.Ref, a)
	})
	<-asked
	wg.Go(func() {
		if got, err := d.Digest(t.Context(), q); err != nil || got != some {
			t.Errorf("the second one: %s, %v", got, err)
		}
	})
	cancel()
	close(release)
	wg.Wait()
}

func TestOldRevisionsAreForgotten(t *testing.T) {
	f := once(t, released())
	r, _ := resolver(t)
	d := NewDigests(r, nil)
	ask := func(revision string) {
		if _, err := d.Digest(t.Context(), Ask{Revision: revision, Ref: f.ref("web:1")}); err != nil {
			t.Fatal(err)
		}
	}
	ask("first")
	for n := range keptRevisions {
		ask(string(rune('A' + n)))
	}
	before := f.heads.Load()
	ask("first")
	if len(d.kept) != keptRevisions || len(d.last) != keptRevisions || f.heads.Load() != before+1 {
		t.Errorf("%d revisions kept, %d in order; asked again: %v", len(d.kept), len(d.last), f.heads.Load() > before)
	}
}
