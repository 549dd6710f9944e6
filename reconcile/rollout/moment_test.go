package rollout

import (
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// TestShortOrdersAreToldToTheSecond: a pin of 20 seconds is not one from 03:17 to
// 03:17.
func TestShortOrdersAreToldToTheSecond(t *testing.T) {
	since := time.Date(2026, 11, 29, 3, 17, 5, 0, time.UTC)
	for lasts, want := range map[time.Duration]string{
		20 * time.Second: "cordoned without a commit by ada, since 2026-11-29 03:17:05 UTC, until 2026-11-29 03:17:25 UTC",
		2 * time.Hour:    "cordoned without a commit by ada, since 2026-11-29 03:17 UTC, until 2026-11-29 05:17 UTC",
	} {
		if got := HostPinnedBecause(&model.HostPin{By: "ada", Since: since, Until: since.Add(lasts)}); got != want {
			t.Errorf("%s: got %q, want %q", lasts, got, want)
		}
	}
	if got, want := PausedBecause(&Pause{By: "ada", Since: since, Until: since.Add(time.Minute)}), "paused by ada, until 2026-11-29 03:18:05 UTC"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestARetryWaitsForWhatHoldsItsApp and is told so.
func TestARetryWaitsForWhatHoldsItsApp(t *testing.T) {
	now := time.Date(2026, 11, 29, 3, 17, 5, 0, time.UTC)
	paused := Standing{Pause: &Pause{By: "ada", Until: now.Add(time.Hour)}}
	for _, tc := range []struct {
		verb Verb
		at   time.Time
		s    Standing
		want string
	}{
		{VerbRetry, now, paused, "paused by ada, until 2026-11-29 04:17 UTC"},
		{VerbPromote, now, Standing{Pin: &Pin{Revision: "7f3a91c2aa", By: "ada"}}, "pinned to 7f3a91c2 by ada"},
		{VerbRetry, now.Add(2 * time.Hour), paused, ""},
		{VerbResume, now, paused, ""},
		{VerbRetry, now, Standing{}, ""},
	} {
		if got := (Order{Verb: tc.verb}).WaitsFor(tc.s, tc.at); got != tc.want {
			t.Errorf("%s of %+v: got %q, want %q", tc.verb, tc.s, got, tc.want)
		}
	}
}
