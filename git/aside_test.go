package git

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// aside is robot's commit on a branch of its own.
func aside() EditOptions {
	o := robot
	o.Branch = "tallyman/revert-shop"
	return o
}

// TestACommitOnANewBranch leaves the followed one where it is, and a second one of
// the same name too.
func TestACommitOnANewBranch(t *testing.T) {
	onEachHost(t, func(t *testing.T, h host) {
		head := h.there("main")
		r := h.follow()
		write := func(d *Draft) error { return d.WriteFile("a", []byte("aside")) }
		c, err := r.Edit(context.Background(), aside(), write)
		if err != nil {
			t.Fatal(err)
		}
		if h.there("tallyman/revert-shop") != c.ID || h.there(c.ID+"~1") != head || h.there("main") != head {
			t.Errorf("made %s; main is at %s", c.ID, h.there("main"))
		}
		h.git("-C", h.bare, "fsck", "--strict")
		wantFetch(t, r, head)
		if _, err := h.follow().Edit(context.Background(), aside(), write); !errors.Is(err, ErrBranchExists) {
			t.Errorf("another one: %v", err)
		}
		if h.there("tallyman/revert-shop") != c.ID {
			t.Error("the branch moved")
		}
	})
}

// TestANewBranchThatComesMeanwhile is somebody else's, and stays theirs.
func TestANewBranchThatComesMeanwhile(t *testing.T) {
	onEachHost(t, func(t *testing.T, h host) {
		head := h.there("main")
		_, err := h.follow().Edit(context.Background(), aside(), func(d *Draft) error {
			h.git("push", "-q", "origin", "HEAD:refs/heads/tallyman/revert-shop")
			return d.WriteFile("a", []byte("aside"))
		})
		if !errors.Is(err, ErrBranchExists) || h.there("tallyman/revert-shop") != head {
			t.Errorf("%v; the branch is at %s", err, h.there("tallyman/revert-shop"))
		}
	})
}

// TestANewBranchWhoseAnswerGotLost is not taken for somebody else's, also when
// somebody went on from it.
func TestANewBranchWhoseAnswerGotLost(t *testing.T) {
	h := newHost(t)
	backend := newGitServer(t, filepath.Dir(h.bare)).Config.Handler
	var pushes atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if !strings.HasSuffix(req.URL.Path, "/git-receive-pack") {
			backend.ServeHTTP(w, req)
			return
		}
		backend.ServeHTTP(httptest.NewRecorder(), req)
		pushes.Add(1)
		h.git("fetch", "-q")
		h.git("checkout", "-q", "-B", "on", "origin/tallyman/revert-shop")
		h.commit("goes on", "b", "on")
		h.git("push", "-q", "origin", "on:tallyman/revert-shop")
		panic(http.ErrAbortHandler)
	}))
	defer server.Close()
	r := follow(t, server.URL+"/shop.git", withPassword(t, testSecret))
	c, err := r.Edit(context.Background(), aside(), func(d *Draft) error { return d.WriteFile("a", []byte("aside")) })
	if err != nil || c.ID != h.there("tallyman/revert-shop~1") || pushes.Load() != 1 {
		t.Errorf("made %s, %v after %d pushes", c.ID, err, pushes.Load())
	}
}

// TestANewBranchLeavesAWorkTreeAlone, whatever somebody is doing in it.
func TestANewBranchLeavesAWorkTreeAlone(t *testing.T) {
	s := newSourceWith(t, "a", "1")
	s.write("a", "somebody is at work here")
	before := s.git("status", "--porcelain=v2", "--branch")
	c, err := follow(t, s.dir).Edit(context.Background(), aside(), func(d *Draft) error { return d.WriteFile("a", []byte("aside")) })
	if err != nil || s.git("rev-parse", "tallyman/revert-shop") != c.ID {
		t.Fatalf("made %s, %v", c.ID, err)
	}
	if after := s.git("status", "--porcelain=v2", "--branch"); after != before {
		t.Errorf("the work tree was\n%s\nand is\n%s", before, after)
	}
}
