// Package schedule says when something is due: the times of a cron expression in
// a time zone, and the windows that such times open.
//
// It is pure: the time is an argument, and nothing waits here. It knows nothing
// of jobs and rollouts, and imports nothing of the arrow, so manifests are
// checked with the same code that later decides from them. The rules of the time
// zones are part of the program, so that a host without them gives no other
// answer.
package schedule

import (
	"errors"
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // the rules of all zones, for systems that have none

	"github.com/robfig/cron/v3"
)

// Schedule are the times of a cron expression in a time zone.
//
// A time of day comes exactly once a day, also on the days when clocks change:
// one that is left out comes when the clock has jumped, and one that is there
// twice comes the first time. What is due in every hour goes by the time that
// passes, and simply comes again.
type Schedule struct {
	cron  *cron.SpecSchedule
	zone  *time.Location
	daily bool // not every hour
}

// everyHour are the bits of a field for hours that leaves none out.
const everyHour = 1<<24 - 1

// Parse reads an expression of five fields (minute, hour, day of the month,
// month, day of the week), or one of @hourly, @daily, @weekly, @monthly and
// @yearly. No zone is UTC.
func Parse(expression, zone string) (Schedule, error) {
	location, err := Zone(zone)
	if err != nil {
		return Schedule{}, err
	}
	if strings.HasPrefix(expression, "@every") {
		return Schedule{}, errors.New("@every has no times of its own: it would begin anew with each start; write */10 * * * * for every ten minutes")
	}
	if strings.Contains(expression, "TZ=") {
		return Schedule{}, errors.New("the time zone is a field of its own, timeZone")
	}
	parsed, err := cron.ParseStandard(expression)
	if err != nil {
		return Schedule{}, fmt.Errorf("it is not a cron expression of five fields: %w", err)
	}
	spec, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		return Schedule{}, errors.New("it is not a cron expression of five fields")
	}
	s := Schedule{cron: spec, zone: location, daily: spec.Hour&everyHour != everyHour}
	spec.Location = location
	if s.daily {
		spec.Location = time.UTC // it is asked about readings of the clock, see Next
	}
	if s.Next(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return Schedule{}, errors.New("it names a day that never comes")
	}
	return s, nil
}

// Zone finds a time zone by its name, such as Europe/Berlin. None is UTC. The
// machine's own zone is nobody's: another machine has another.
func Zone(name string) (*time.Location, error) {
	if name == "" {
		return time.UTC, nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return nil, fmt.Errorf("there is no time zone %q; write one such as Europe/Berlin", name)
	}
	return zone, nil
}

// longestJump is more than any clock was ever put forward or back at once.
const longestJump = 3 * time.Hour

// Next is the first time after t, or zero when none comes within years.
func (s Schedule) Next(t time.Time) time.Time {
	if !s.daily {
		return s.cron.Next(t).UTC()
	}
	for reading := readingOf(t.In(s.zone)).Add(-longestJump); ; {
		reading = s.cron.Next(reading)
		if reading.IsZero() {
			return time.Time{}
		}
		if at := firstAt(reading, s.zone); at.After(t) {
			return at.UTC()
		}
	}
}

// readingOf is what the clock on the wall shows, as if it were UTC.
func readingOf(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
}

// firstAt is when the clock of a zone shows a reading for the first time or,
// where it jumps over it, when it jumps.
func firstAt(reading time.Time, zone *time.Location) time.Time {
	t := time.Date(reading.Year(), reading.Month(), reading.Day(), reading.Hour(), reading.Minute(), reading.Second(), 0, zone)
	begin, end := t.ZoneBounds()
	switch shown := readingOf(t); {
	case shown.After(reading):
		return begin
	case shown.Before(reading):
		return end
	case begin.IsZero():
		return t
	}
	_, now := t.Zone()
	_, before := begin.Add(-time.Second).Zone()
	earlier := t.Add(time.Duration(now-before) * time.Second)
	if earlier.Before(begin) && readingOf(earlier).Equal(reading) {
		return earlier
	}
	return t
}

// MostCounted is how far Missed counts.
const MostCounted = 1000

// Missed says how many times there are after one time and up to another, and
// which is the last of them, zero when there is none.
func (s Schedule) Missed(after, until time.Time) (n int, last time.Time) {
	for t := s.Next(after); !t.IsZero() && !t.After(until); t = s.Next(t) {
		if n++; n == MostCounted {
			return n, s.last(t, until)
		}
		last = t
	}
	return n, last
}

// last is the last time up to until; known is one of them. It looks back in ever
// longer steps, so as not to go through years of minutes.
func (s Schedule) last(known, until time.Time) time.Time {
	from := until
	for step := time.Minute; from.After(known); step *= 2 {
		if from = until.Add(-step); !s.Next(from).After(until) {
			break
		}
	}
	if from.Before(known) {
		from = known.Add(-time.Second)
	}
	last := known
	for t := s.Next(from); !t.IsZero() && !t.After(until); t = s.Next(t) {
		last = t
	}
	return last
}
