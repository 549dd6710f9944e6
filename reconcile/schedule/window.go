package schedule

import (
	"fmt"
	"slices"
	"time"
)

// Window is a stretch of time that comes again and again: it begins at the
// times of a cron expression.
type Window struct {
	// Deny says that the window shuts, rather than opens, what it is about.
	Deny     bool          `json:"deny,omitempty"`
	Cron     string        `json:"cron"`
	Duration time.Duration `json:"duration"`
	TimeZone string        `json:"timeZone,omitempty"`
}

// String names the window, such as `deny 0 22 * * * for 4h0m0s Europe/Berlin`.
func (w Window) String() string {
	verb, zone := "allow", "UTC"
	if w.Deny {
		verb = "deny"
	}
	if w.TimeZone != "" {
		zone = w.TimeZone
	}
	return fmt.Sprintf("%s %s for %s %s", verb, w.Cron, w.Duration, zone)
}

// mostChanges is how many openings and ends are looked at for the next time that
// is open; windows that never agree would be looked at for ever.
const mostChanges = 1000

// Shut says whether, and because of which window, things may not happen now, and
// when they may again, zero if nobody can tell. Any window that denies shuts; of
// those that allow, if there are any, one must be open.
func Shut(windows []Window, now time.Time) (because string, opens time.Time) {
	if len(windows) == 0 {
		return "", time.Time{}
	}
	all := make([]parsed, 0, len(windows))
	for _, w := range windows {
		s, err := Parse(w.Cron, w.TimeZone)
		if err != nil {
			return fmt.Sprintf("window %s: %v", w, err), time.Time{} // a manifest with it is refused
		}
		all = append(all, parsed{w, s})
	}
	if because = shut(all, now); because == "" {
		return "", time.Time{}
	}
	t := now
	for range mostChanges {
		if t = nextChange(all, t); t.IsZero() {
			break
		}
		if shut(all, t) == "" {
			return because, t
		}
	}
	return because, time.Time{}
}

type parsed struct {
	Window
	schedule Schedule
}

// open says whether the window has begun and has not ended.
func (w parsed) open(t time.Time) bool {
	begun := w.schedule.Next(t.Add(-w.Duration))
	return !begun.IsZero() && !begun.After(t)
}

func shut(all []parsed, t time.Time) string {
	for _, w := range all {
		if w.Deny && w.open(t) {
			return "window " + w.String() + " is open"
		}
	}
	allows := func(w parsed) bool { return !w.Deny }
	open := func(w parsed) bool { return !w.Deny && w.open(t) }
	if slices.ContainsFunc(all, allows) && !slices.ContainsFunc(all, open) {
		return "no window that allows it is open"
	}
	return ""
}

// nextChange is the first time after t at which a window begins or ends.
func nextChange(all []parsed, t time.Time) time.Time {
	var first time.Time
	for _, w := range all {
		begins := w.schedule.Next(t)
		ends := w.schedule.Next(t.Add(-w.Duration)).Add(w.Duration)
		for _, change := range []time.Time{begins, ends} {
			if change.After(t) && (first.IsZero() || change.Before(first)) {
				first = change
			}
		}
	}
	return first
}
