package git

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// silent accepts connections and says nothing.
func silent(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = conn.Close() })
		}
	}()
	return listener.Addr().String()
}

func TestHangingServerCannotHoldTheCaller(t *testing.T) {
	addr := silent(t)
	r := follow(t, "http://"+addr+"/shop", func(c *Config) { c.Timeout = 50 * time.Millisecond })
	_, err := r.Fetch(context.Background())
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := follow(t, "http://"+addr+"/shop").Fetch(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// interrupt cuts answers with objects off after so many bytes, or, when hang
// is set, sends no more.
func interrupt(backend http.Handler, after int, hang bool) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		if req.Method == http.MethodGet {
			backend.ServeHTTP(w, req)
			return
		}
		recorder := httptest.NewRecorder()
		backend.ServeHTTP(recorder, req)
		body := recorder.Body.Bytes()
		w.Header().Set("Content-Type", recorder.Header().Get("Content-Type"))
		_, _ = w.Write(body[:min(after, len(body))])
		_ = http.NewResponseController(w).Flush()
		if hang {
			<-req.Context().Done()
		}
		panic(http.ErrAbortHandler)
	}
}

func TestInterruptedFetchIsDoneAgain(t *testing.T) {
	s, root, push := pushed(t)
	backend := newGitServer(t, root)
	for hang, cuts := range map[bool][]int{false: {0, 1, 8, 60, 200, 300}, true: {0, 200}} {
		for _, after := range cuts {
			t.Run(fmt.Sprintf("%d bytes, hang %t", after, hang), func(t *testing.T) {
				var broken atomic.Bool
				cut := interrupt(backend.Config.Handler, after, hang)
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
					if broken.Load() {
						cut(w, req)
						return
					}
					backend.Config.Handler.ServeHTTP(w, req)
				}))
				defer server.Close()
				r := follow(t, server.URL+"/shop.git", withPassword(t, testSecret), func(c *Config) { c.Timeout = time.Second })
				broken.Store(true)
				wantNoFetch(t, r)
				broken.Store(false)
				before := mustFetch(t, r).ID
				s.commit("next", "a", strings.Repeat(t.Name(), 100))
				push()
				broken.Store(true)
				wantNoFetch(t, r)
				wantReadable(t, r, before)
				broken.Store(false)
				wantFetch(t, r, s.head())
				wantReadable(t, r, s.head())
			})
		}
	}
}

func wantNoFetch(t *testing.T, r *Repository) {
	t.Helper()
	if c, err := r.Fetch(context.Background()); err == nil {
		t.Fatalf("fetched %s over a broken connection", c.ID)
	}
}

func TestEndlessAnswerIsCutOff(t *testing.T) {
	_, root, _ := pushed(t)
	server := newGitServer(t, root)
	r := follow(t, server.URL+"/shop.git", withPassword(t, testSecret), func(c *Config) { c.Limits.MaxFetchSize = 300 })
	if _, err := r.Fetch(context.Background()); err == nil {
		t.Error("fetched more than the limit")
	}
}

func TestFileThatUnpacksToGigabytesIsRefused(t *testing.T) {
	s, root, push := pushed(t)
	first := s.head()
	s.commit("a large file", "zeros", strings.Repeat("\x00", 1<<20))
	s.commit("almost the same, so a delta", "zeros", strings.Repeat("\x00", 1<<20)+"1")
	push()
	s.git("-C", root+"/shop.git", "gc", "-q", "--aggressive")
	server := newGitServer(t, root)
	for _, url := range []string{s.dir, server.URL + "/shop.git"} {
		small := follow(t, url, withPassword(t, testSecret), func(c *Config) { c.Limits.MaxObjectSize = 1 << 20 })
		_, err := small.Fetch(context.Background())
		wantError(t, err, "1048577 bytes")
		if _, err := small.Tree(first, "."); !errors.Is(err, ErrRevisionNotFound) {
			t.Errorf("something of a refused fetch was kept: %v", err)
		}
		wantFetch(t, follow(t, url, withPassword(t, testSecret)), s.head())
	}
}

func TestDeltaSizes(t *testing.T) {
	for delta, want := range map[string]int64{
		"\x05\x07rest": 7, "\x80\x01\x80\x02": 256, "": 0, "\x80": 0, "\x05": 0,
		"\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01": -1,
	} {
		if got := deltaResult([]byte(delta)); got != want {
			t.Errorf("%q makes %d bytes, want %d", delta, got, want)
		}
	}
}
