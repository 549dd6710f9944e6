package git

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
)

func TestResolve(t *testing.T) {
	s := newSourceWith(t, "a", "1")
	first := s.head()
	second := s.commit("second", "a", "2")
	s.git("tag", "v1", first)
	s.git("tag", "-a", "-m", "annotated", "v2", second)
	s.git("checkout", "-q", "-b", "feature/x", first)
	side := s.commit("side", "b", "1")
	s.git("checkout", "-q", "main")
	s.git("merge", "-q", "--no-ff", "-m", "merge", "feature/x")
	merge := s.head()

	r := follow(t, s.dir)
	for rev, want := range map[string]string{
		merge: merge, merge[:12]: merge, "HEAD": merge, "@": merge, "main": merge, "refs/heads/main": merge, "heads/main": merge,
		"HEAD~1": second, "HEAD^": second, "HEAD^2": side, "HEAD~2": first, "HEAD^2~1": first, "HEAD^2^": first, "HEAD^0": merge,
		"v1": first, "v2": second, "tags/v2": second, "refs/tags/v2": second, "feature/x": side, "feature/x~1": first,
		side: side, side[:8]: side,
	} {
		c, err := r.Resolve(context.Background(), rev)
		if err != nil || c.ID != want {
			t.Errorf("%s is %s, %v, want %s", rev, c.ID, err, want)
		}
	}
}

func TestResolveFetchesWhatIsMissing(t *testing.T) {
	s := newSourceWith(t, "a", "1")
	s.git("checkout", "-q", "-b", "other")
	other := s.commit("other", "b", "1")
	s.git("checkout", "-q", "main")
	for _, rev := range []string{other, other[:9], "other"} {
		r := follow(t, s.dir)
		mustFetch(t, r)
		if c, err := r.Resolve(context.Background(), rev); err != nil || c.ID != other {
			t.Errorf("%s is %s, %v", rev, c.ID, err)
		}
	}
}

func TestResolveRefuses(t *testing.T) {
	s := newSourceWith(t, "a", "1")
	r := follow(t, s.dir)
	for _, rev := range []string{"", "nope", "deadbeef", strings.Repeat("ab", 20), "HEAD~1", "HEAD^2", "HEAD~999999", "main..v1", "HEAD:a", "main@{1}", "a b", "HEAD^{tree}", "../x"} {
		if c, err := r.Resolve(context.Background(), rev); !errors.Is(err, ErrRevisionNotFound) {
			t.Errorf("%q gives %s, %v", rev, c.ID, err)
		}
	}
}

func TestAmbiguousNamesNameAllMeanings(t *testing.T) {
	s := newSourceWith(t, "a", "1")
	s.git("branch", "v1")
	s.git("tag", "v1")
	s.git("branch", s.head()[:7])
	r := follow(t, s.dir)
	mustFetch(t, r)
	_, err := r.Resolve(context.Background(), "v1")
	if !errors.Is(err, ErrAmbiguous) {
		t.Fatalf("got %v", err)
	}
	wantError(t, err, "refs/heads/v1", "refs/tags/v1")
	_, err = r.Resolve(context.Background(), s.head()[:7])
	wantError(t, err, "refs/heads/"+s.head()[:7], "commit "+s.head())
	if c, err := r.Resolve(context.Background(), "tags/v1"); err != nil || c.ID != s.head() {
		t.Errorf("the way out does not work: %v", err)
	}
}

func TestKnownCommitsNeedNoRemote(t *testing.T) {
	s := newSourceWith(t, "a", "1")
	s.git("branch", "other")
	r := follow(t, s.dir)
	id := mustFetch(t, r).ID
	if err := os.RemoveAll(s.dir); err != nil {
		t.Fatal(err)
	}
	for _, rev := range []string{id, id[:10]} {
		if c, err := r.Resolve(context.Background(), rev); err != nil || c.ID != id {
			t.Errorf("%s: %v", rev, err)
		}
	}
	if _, err := r.Resolve(context.Background(), "other"); err == nil {
		t.Error("a name was resolved without asking the remote")
	}
}

func TestLogFollowsTheBranch(t *testing.T) {
	s := newSourceWith(t, "a", "1")
	s.git("checkout", "-q", "-b", "side")
	s.commit("on the side", "b", "1")
	s.git("checkout", "-q", "main")
	s.commit("second", "a", "2")
	s.git("merge", "-q", "--no-ff", "-m", "merge", "side")
	r := follow(t, s.dir)
	mustFetch(t, r)
	log, err := r.Log(context.Background(), s.head(), 10)
	if err != nil {
		t.Fatal(err)
	}
	var subjects []string
	for _, c := range log {
		subjects = append(subjects, c.Subject)
	}
	if got := strings.Join(subjects, ", "); got != "merge, second, first" {
		t.Errorf("history is %s", got)
	}
	if log, err := r.Log(context.Background(), s.head(), 2); err != nil || len(log) != 2 {
		t.Errorf("got %d commits, %v, want 2", len(log), err)
	}
}

func TestNames(t *testing.T) {
	s := newSourceWith(t, "a", "1")
	s.git("branch", "topic/x")
	s.git("tag", "v1")
	s.git("update-ref", "refs/remotes/origin/main", s.head())
	s.git("update-ref", "refs/pull/7/head", s.head())
	names, err := follow(t, s.dir).Names(context.Background())
	if got := strings.Join(names, " "); err != nil || got != "main origin/main topic/x v1" {
		t.Errorf("they are %s, %v", got, err)
	}
	for _, name := range []string{"origin/main", "refs/pull/7/head"} {
		if c, err := follow(t, s.dir).Resolve(context.Background(), name); err != nil || c.ID != s.head() {
			t.Errorf("%s is %s, %v", name, c.ID, err)
		}
	}
}
