package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/tallyman-io/tallyman/internal/state"
	"github.com/tallyman-io/tallyman/reconcile"
	"github.com/tallyman-io/tallyman/reconcile/report"
)

const (
	socketName = "tallyman.sock"
	// maxSocketPath is what fits into a unix socket's address on Linux; other
	// systems have a little less.
	maxSocketPath = 107
	headerTime    = 10 * time.Second
)

// Socket is the path of a state directory's socket.
func Socket(stateDir string) string { return filepath.Join(stateDir, socketName) }

// Server answers for one controller.
type Server struct {
	Controller *reconcile.Controller
	Journal    *state.Store
	Log        *slog.Logger
	Source     Source
	// Notifications says how those fare that are told what becomes of commits; nil
	// tells nobody.
	Notifications func() []report.Notification
	// ImagePolicies says how those fare that follow images; nil follows none.
	ImagePolicies func() []report.ImagePolicy
	// Forge says how the forge fares; nil tells and asks none.
	Forge func() *report.Forge
	// Reverted is what was done in Git about commits that apps went back from, by
	// app; nil does nothing about them.
	Reverted func() map[string]report.Reverted
}

// told is the controller's status with what those know who work beside it.
func (s *Server) told() report.Status {
	status := s.Controller.Status()
	if s.Notifications != nil {
		status.Notifications = s.Notifications()
	}
	if s.ImagePolicies != nil {
		status.ImagePolicies = s.ImagePolicies()
	}
	if s.Forge != nil {
		status.Forge = s.Forge()
	}
	if s.Reverted != nil {
		status.TellReverts(s.Reverted())
	}
	return status
}

// Source is what the controller follows.
type Source struct {
	Repository string `json:"repository"` // without credentials
	Branch     string `json:"branch"`
	Path       string `json:"path"`
	// Simulated describes the hosts, when they are simulated, as --simulate does.
	Simulated string `json:"simulated,omitempty"`
}

// Listen makes the socket. The caller holds the state directory's lock, so a
// socket that is there already was left by a controller that is no more.
func Listen(stateDir string) (net.Listener, error) {
	path := Socket(stateDir)
	if len(path) > maxSocketPath {
		return nil, fmt.Errorf("listen on %q: longer than the %d bytes that a socket's path may have; use a shorter --state-dir", path, maxSocketPath)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("replace stale socket: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("listen on %q: %w", path, err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		_ = l.Close() // it may be open to others
		return nil, fmt.Errorf("protect socket: %w", err)
	}
	return l, nil
}

// Serve answers until ctx ends, and ends the answers that are still going on.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	srv := &http.Server{
		Handler: s.handler(), ReadHeaderTimeout: headerTime,
		BaseContext: func(net.Listener) context.Context { return ctx },
		ErrorLog:    slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug),
	}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(l) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve %q: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	// Streams end with ctx; what is in the middle of a short answer may end it.
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if srv.Shutdown(bounded) != nil {
		_ = srv.Close() // some client does not read; it is let go
	}
	<-ended
	return nil
}
