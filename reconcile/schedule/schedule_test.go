package schedule

import (
	"strings"
	"testing"
	"time"
)

func at(t *testing.T, text string) time.Time {
	t.Helper()
	parsed, err := time.Parse("2006-01-02 15:04", text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func parse(t *testing.T, expression, zone string) Schedule {
	t.Helper()
	s, err := Parse(expression, zone)
	if err != nil {
		t.Fatalf("parse %q in %q: %v", expression, zone, err)
	}
	return s
}

// TestTimesFollowTheZone compares the next times after a moment, all in UTC.
// Berlin's clock goes from 02:00 to 03:00 on 2026-03-29 at 01:00 UTC and from
// 03:00 to 02:00 on 2026-10-25 at 01:00 UTC.
func TestTimesFollowTheZone(t *testing.T) {
	for _, c := range []struct{ name, expression, zone, after, want string }{
		{"UTC without a zone", "0 3 * * *", "", "2026-05-01 00:00", "2026-05-01 03:00, 2026-05-02 03:00"},
		{"strictly after", "0 3 * * *", "", "2026-05-01 03:00", "2026-05-02 03:00, 2026-05-03 03:00"},
		{"summer and winter", "0 3 * * *", "Europe/Berlin", "2026-10-24 00:00", "2026-10-24 01:00, 2026-10-25 02:00"},
		{"left out: when the clock jumps", "30 2 * * *", "Europe/Berlin", "2026-03-28 00:00", "2026-03-28 01:30, 2026-03-29 01:00, 2026-03-30 00:30"},
		{"left out twice is once", "15,45 2 * * *", "Europe/Berlin", "2026-03-28 02:00", "2026-03-29 01:00, 2026-03-30 00:15"},
		{"there twice: the first", "30 2 * * *", "Europe/Berlin", "2026-10-24 00:00", "2026-10-24 00:30, 2026-10-25 00:30, 2026-10-26 01:30"},
		{"asked between the two", "30 2 * * *", "Europe/Berlin", "2026-10-25 01:10", "2026-10-26 01:30"},
		{"hourly has 23 hours in spring", "0 * * * *", "Europe/Berlin", "2026-03-29 00:00", "2026-03-29 01:00, 2026-03-29 02:00"},
		{"hourly has 25 hours in autumn", "0 * * * *", "Europe/Berlin", "2026-10-25 00:00", "2026-10-25 01:00, 2026-10-25 02:00"},
		{"midnight that is left out", "0 0 * * *", "America/Asuncion", "2023-09-30 12:00", "2023-10-01 04:00, 2023-10-02 03:00"},
		{"half an hour", "0 2 * * *", "Australia/Lord_Howe", "2026-10-03 00:00", "2026-10-03 15:30, 2026-10-04 15:00"},
		{"leap days", "0 0 29 2 *", "", "2026-05-01 00:00", "2028-02-29 00:00"},
		{"descriptors", "@weekly", "", "2026-05-01 00:00", "2026-05-03 00:00, 2026-05-10 00:00"},
		{"names", "0 9 * * mon-fri", "", "2026-05-01 12:00", "2026-05-04 09:00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, now := parse(t, c.expression, c.zone), at(t, c.after)
			for _, want := range strings.Split(c.want, ", ") {
				if now = s.Next(now); !now.Equal(at(t, want)) {
					t.Fatalf("%q in %q comes at %s, want %s", c.expression, c.zone, now, want)
				}
			}
		})
	}
}

// TestOnceADay goes through years of a zone: a time of day comes on each day of
// its calendar once.
func TestOnceADay(t *testing.T) {
	for _, zone := range []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Tehran"} {
		s := parse(t, "30 2 * * *", zone)
		location, _ := Zone(zone)
		now := at(t, "2019-12-31 22:00")
		previous := ""
		for range 3 * 365 {
			next := s.Next(now)
			if gap := next.Sub(now); previous != "" && (gap < 22*time.Hour || gap > 26*time.Hour) {
				t.Fatalf("%s: %s after %s", zone, next, now)
			}
			now = next
			if day := next.In(location).Format(time.DateOnly); day == previous {
				t.Fatalf("%s: twice on %s", zone, day)
			} else {
				previous = day
			}
		}
	}
}

func TestMissed(t *testing.T) {
	for _, c := range []struct {
		name, expression, after, until string
		n                              int
		last                           string
	}{
		{"none", "0 3 * * *", "2026-05-01 03:00", "2026-05-02 02:59", 0, ""},
		{"one, just now", "0 3 * * *", "2026-05-01 03:00", "2026-05-02 03:00", 1, "2026-05-02 03:00"},
		{"several", "0 3 * * *", "2026-05-01 03:00", "2026-05-05 12:00", 4, "2026-05-05 03:00"},
		{"more than are counted", "* * * * *", "2020-05-01 03:00", "2026-05-05 12:00", MostCounted, "2026-05-05 12:00"},
		{"just more than are counted", "* * * * *", "2026-05-01 00:00", "2026-05-01 16:41", MostCounted, "2026-05-01 16:41"},
		{"rare ones", "0 0 1 1 *", "2020-05-01 03:00", "2026-05-05 12:00", 6, "2026-01-01 00:00"},
	} {
		n, last := parse(t, c.expression, "").Missed(at(t, c.after), at(t, c.until))
		want := time.Time{}
		if c.last != "" {
			want = at(t, c.last)
		}
		if n != c.n || !last.Equal(want) {
			t.Errorf("%s: %d, the last at %s; want %d and %s", c.name, n, last, c.n, want)
		}
	}
}

func TestWhatCannotBeRead(t *testing.T) {
	for _, c := range []struct{ expression, zone, want string }{
		{"", "", "five fields"},
		{"0 3 * *", "", "five fields"},
		{"0 3 * * * *", "", "five fields"},
		{"61 3 * * *", "", "five fields"},
		{"@every 5m", "", "*/10 * * * *"},
		{"@reboot", "", "five fields"},
		{"TZ=UTC 0 3 * * *", "", "timeZone"},
		{"CRON_TZ=UTC 0 3 * * *", "", "timeZone"},
		{"0 0 30 2 *", "", "never comes"},
		{"0 3 * * *", "Europe/Berln", `no time zone "Europe/Berln"`},
		{"0 3 * * *", "Local", "no time zone"},
		{"0 3 * * *", "../etc/passwd", "no time zone"},
	} {
		if _, err := Parse(c.expression, c.zone); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("parse %q in %q says %v, want %q in it", c.expression, c.zone, err, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("0 3 * * *", "Europe/Berlin")
	f.Add("*/15 2-4 1 * mon", "")
	f.Fuzz(func(t *testing.T, expression, zone string) {
		s, err := Parse(expression, zone)
		if err != nil {
			return
		}
		now := time.Date(2026, 3, 28, 0, 0, 0, 0, time.UTC)
		for range 20 {
			next := s.Next(now)
			if next.IsZero() {
				return
			}
			if !next.After(now) {
				t.Fatalf("%q in %q: %s does not come after %s", expression, zone, next, now)
			}
			now = next
		}
	})
}
