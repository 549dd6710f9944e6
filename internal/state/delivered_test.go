package state_test

import (
	"log/slog"
	"testing"

	"github.com/tallyman-io/tallyman/internal/state"
	"github.com/tallyman-io/tallyman/reconcile/report"
)

// TestWhatWasToldOutlivesTheController, and that somebody has heard of nothing yet.
func TestWhatWasToldOutlivesTheController(t *testing.T) {
	dir := t.TempDir()
	open := func() *state.Store {
		s, err := state.Open(dir, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	about := report.About{Event: report.EventFailed, App: "shop", Revision: "a"}
	s := open()
	for _, a := range []report.About{{}, about, {Event: report.EventRefused, Revision: "b"}} {
		if err := s.Deliver("chat", a); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Deliver("hook", report.About{}); err != nil {
		t.Fatal(err)
	}
	if err := s.Undeliver("chat", report.About{Event: report.EventRefused, Revision: "b"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open()
	defer s.Close() //nolint:errcheck // nothing is read after it
	told, err := s.Delivered()
	if err != nil || len(told) != 2 || len(told["chat"]) != 1 || !told["chat"][about] || told["hook"] == nil || len(told["hook"]) != 0 {
		t.Errorf("got %v, %v", told, err)
	}
}
