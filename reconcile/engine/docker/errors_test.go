package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"

	"github.com/tallyman-io/tallyman/reconcile/engine"
)

// TestWedged: what an engine said that was ended in the middle of a start, and what
// it says of starts that another try may well make good.
func TestWedged(t *testing.T) {
	for text, want := range map[string]bool{
		"task 51c9dee4899a22b1ed3fe5cf8730958fc767e873821aa8599e00c0a274eab4ed: already exists":                                                                true,
		"mkdir /run/docker/containerd/daemon/io.containerd.runtime.v2.task/moby/50a62193347e6a8fa9ca33c982e530bc86c240df42c31a75f084b34e028d4906: file exists": true,
		"endpoint with name default-web-3-6e4e4649 already exists in network front-1a2b3c4d":                                                                   true,
		"": false,
		"driver failed programming external connectivity on endpoint x (ab): Bind for 0.0.0.0:80 failed: port is already allocated": false,
		`exec: "/x": stat /x: no such file or directory`: false,
	} {
		if got := wedged(text); got != want {
			t.Errorf("%q is wedged: %v, want %v", text, got, want)
		}
	}
}

func TestClassify(t *testing.T) {
	for _, c := range []struct {
		err  error
		want engine.Class
		text string
	}{
		{errdefs.ErrNotFound.WithMessage("Error response from daemon: No such container: x"), engine.NotFound, "No such container: x"},
		{errdefs.ErrConflict.WithMessage("name in use"), engine.Conflict, "name in use"},
		{errdefs.ErrInvalidArgument.WithMessage("bad"), engine.Invalid, "bad"},
		{errdefs.ErrPermissionDenied.WithMessage("no"), engine.Denied, "no"},
		{errdefs.ErrInternal.WithMessage("Error response from daemon: boom"), engine.Failed, "boom"},
		{errdefs.ErrPermissionDenied.WithMessage("error while removing network: network x has active endpoints"), engine.Conflict, ""},
		{errdefs.ErrNotFound.WithMessage("pull access denied for x, repository does not exist"), engine.Denied, ""},
		{errdefs.ErrInternal.WithMessage("manifest for x:1 not found: manifest unknown: manifest unknown"), engine.NotFound, ""},
		{errors.New("driver failed programming external connectivity on endpoint x (ab): Bind for 0.0.0.0:80 failed: port is already allocated"),
			engine.Conflict, "port 80 is already taken on the host"},
		{errors.New("driver failed …: Error starting userland proxy: listen tcp4 0.0.0.0:8080: bind: address already in use"),
			engine.Conflict, "port 8080 is already taken on the host"},
		{errors.New(`OCI runtime create failed: container_linux.go:380: starting container process caused: exec: "/x": no such file: unknown`),
			engine.Failed, `exec: "/x": no such file`},
		{fmt.Errorf("call: %w", context.DeadlineExceeded), engine.Timeout, "no answer in time"},
		{fmt.Errorf("call: %w", context.Canceled), engine.Timeout, ""},
		{fmt.Errorf("call: %w", io.ErrUnexpectedEOF), engine.Unreachable, ""},
		{fmt.Errorf("around: %w", conflict("not ours")), engine.Conflict, "around: not ours"},
	} {
		class, err := classify(c.err)
		if class != c.want || c.text != "" && err.Error() != c.text {
			t.Errorf("%v: class %q %q, want %q %q", c.err, class, err, c.want, c.text)
		}
	}
}

func TestScrubKeepsTheClass(t *testing.T) {
	err := scrub(errdefs.ErrInvalidArgument.WithMessage("invalid environment variable: =hunter2"), []string{"hunter2", ""})
	class, err := classify(err)
	if class != engine.Invalid || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("class %q: %v", class, err)
	}
	if plain := errors.New("x"); scrub(plain, []string{"1"}) != plain || scrub(nil, nil) != nil {
		t.Error("what holds no secret was changed")
	}
}

func TestSkewIsMeasuredAndTakenOff(t *testing.T) {
	before := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	after := before.Add(time.Second)
	stamp := func(d time.Duration) string { return before.Add(500*time.Millisecond + d).Format(time.RFC3339Nano) }
	for ahead, want := range map[time.Duration]time.Duration{
		0: 0, time.Second: 0, -time.Second: 0, time.Hour: time.Hour, -time.Minute: -time.Minute,
	} {
		if got := relevant(skew(stamp(ahead), before, after)); got != want {
			t.Errorf("%v ahead: skew %v, want %v", ahead, got, want)
		}
	}
	if got := skew("nonsense", before, after); got != 0 {
		t.Errorf("skew of nonsense is %v", got)
	}
	info := hostInfo{skew: time.Hour}
	if got := info.controllerTime("2026-01-01T13:00:00Z"); !got.Equal(before) {
		t.Errorf("an hour ahead, %v", got)
	}
	if !info.controllerTime("0001-01-01T00:00:00Z").IsZero() {
		t.Error("never is a time")
	}
}
