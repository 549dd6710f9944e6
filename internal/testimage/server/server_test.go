package main

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func env(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func get(t *testing.T, s settings, start time.Time, path string) (int, string) {
	t.Helper()
	rec := httptest.NewRecorder()
	handler(s, start, nil).ServeHTTP(rec, httptest.NewRequest("GET", path, nil))
	return rec.Code, rec.Body.String()
}

func TestSettingsAreReadFromTheEnvironment(t *testing.T) {
	s, err := settingsFrom(env("LISTEN", ":90", "MESSAGE", "hi", "START_DELAY", "2s", "LAME_DUCK", "4s", "FAIL", "exit", "EXIT_CODE", "3", "EXIT_AFTER", "1s"))
	if err != nil {
		t.Fatal(err)
	}
	want := settings{":90", "hi", 2 * time.Second, 4 * time.Second, failExit, 3, time.Second}
	if s != want {
		t.Errorf("got %+v, want %+v", s, want)
	}
}

func TestSettingsThatMakeNoSenseAreRefused(t *testing.T) {
	for _, pair := range [][2]string{{"FAIL", "often"}, {"EXIT_CODE", "x"}, {"START_DELAY", "2"}, {"LAME_DUCK", "long"}, {"EXIT_AFTER", "soon"}} {
		if _, err := settingsFrom(env(pair[:]...)); err == nil || !strings.Contains(err.Error(), pair[0]) {
			t.Errorf("%v: got error %v, want one that names the variable", pair, err)
		}
	}
}

func TestHealthFollowsTheSwitches(t *testing.T) {
	begun := time.Now()
	for name, c := range map[string]struct {
		s    settings
		want int
	}{
		"healthy":        {settings{}, http.StatusOK},
		"still starting": {settings{startDelay: time.Hour}, http.StatusServiceUnavailable},
		"unhealthy":      {settings{fail: failUnhealthy}, http.StatusServiceUnavailable},
	} {
		if code, _ := get(t, c.s, begun, "/healthz"); code != c.want {
			t.Errorf("%s: /healthz answers %d, want %d", name, code, c.want)
		}
	}
	if code, _ := get(t, settings{startDelay: time.Minute}, begun.Add(-2*time.Minute), "/healthz"); code != http.StatusOK {
		t.Errorf("after the start delay: /healthz answers %d", code)
	}
}

// TestALameDuckServesAndCallsItselfUnhealthy is what lets clients go away from
// a server that stops before it is gone.
func TestALameDuckServesAndCallsItselfUnhealthy(t *testing.T) {
	stopping := make(chan struct{})
	h := handler(settings{message: "still here"}, time.Now(), stopping)
	for _, want := range []int{http.StatusOK, http.StatusServiceUnavailable} {
		for path, want := range map[string]int{"/": http.StatusOK, "/healthz": want} {
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, httptest.NewRequest("GET", path, nil))
			if rec.Code != want {
				t.Errorf("%s answers %d, want %d", path, rec.Code, want)
			}
		}
		if want == http.StatusOK {
			close(stopping)
		}
	}
}

// TestALameDuckTakesItsTime asks a server after it was told to stop: it answers
// for LAME_DUCK, and then ends by itself.
func TestALameDuckTakesItsTime(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- listen(ctx, settings{listen: address, lameDuck: 2 * time.Second}) }()
	ask := func() error {
		resp, err := http.Get("http://" + address + "/")
		if err == nil {
			resp.Body.Close()
		}
		return err
	}
	for ask() != nil {
		time.Sleep(5 * time.Millisecond)
	}
	stop()
	if err := ask(); err != nil {
		t.Errorf("it stopped answering at once: %v", err)
	}
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
	if ask() == nil {
		t.Error("it answers after its end")
	}
}

func TestItTellsWhatItSees(t *testing.T) {
	file := filepath.Join(t.TempDir(), "motd")
	if err := os.WriteFile(file, []byte("from a config"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TALLY", "ho")
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("from next door")) }))
	defer other.Close()
	for path, want := range map[string]string{
		"/":                                    "good day\n",
		"/env":                                 "TALLY=ho\n",
		"/files?path=" + url.QueryEscape(file): "from a config",
		"/fetch?url=" + url.QueryEscape(other.URL): "from next door",
	} {
		if code, body := get(t, settings{message: "good day"}, time.Now(), path); code != 200 || !strings.Contains(body, want) {
			t.Errorf("%s answers %d %q, want %q in it", path, code, body, want)
		}
	}
	for path, want := range map[string]int{"/nope": 404, "/files?path=/nope": 404, "/fetch?url=file:///etc/passwd": 400} {
		if code, _ := get(t, settings{}, time.Now(), path); code != want {
			t.Errorf("%s answers %d, want %d", path, code, want)
		}
	}
}

func TestHealthCommand(t *testing.T) {
	for _, c := range []struct {
		s    settings
		good bool
	}{{settings{}, true}, {settings{fail: failUnhealthy}, false}} {
		srv := httptest.NewServer(handler(c.s, time.Now(), nil))
		u, _ := url.Parse(srv.URL)
		err := health(settings{listen: ":" + u.Port()})
		srv.Close()
		if (err == nil) != c.good {
			t.Errorf("fail %q: health says %v", c.s.fail, err)
		}
	}
}
