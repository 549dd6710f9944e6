package schedule

import (
	"strings"
	"testing"
	"time"
)

// TestWindows compares what is shut when, why, and when it opens.
func TestWindows(t *testing.T) {
	nights := Window{Cron: "0 22 * * *", Duration: 4 * time.Hour}
	mornings := Window{Cron: "0 6 * * *", Duration: time.Hour}
	friday := Window{Deny: true, Cron: "0 12 * * fri", Duration: 60 * time.Hour} // to Monday 00:00
	always := Window{Deny: true, Cron: "* * * * *", Duration: time.Hour}
	berlin := Window{Cron: "0 22 * * *", Duration: 4 * time.Hour, TimeZone: "Europe/Berlin"}
	for _, c := range []struct {
		name    string
		windows []Window
		now     string
		because string
		opens   string
	}{
		{"no windows", nil, "2026-05-01 12:00", "", ""},
		{"before", []Window{nights}, "2026-05-01 12:00", "no window that allows", "2026-05-01 22:00"},
		{"as it begins", []Window{nights}, "2026-05-01 22:00", "", ""},
		{"past midnight", []Window{nights}, "2026-05-02 01:59", "", ""},
		{"as it ends", []Window{nights}, "2026-05-02 02:00", "no window that allows", "2026-05-02 22:00"},
		{"either of two", []Window{nights, mornings}, "2026-05-02 02:00", "no window that allows", "2026-05-02 06:00"},
		{"only denied windows, none open", []Window{friday}, "2026-05-01 11:59", "", ""},
		{"denied", []Window{friday}, "2026-05-01 12:00", "deny 0 12 * * fri for 60h0m0s UTC is open", "2026-05-04 00:00"},
		{"denied although allowed", []Window{nights, friday}, "2026-05-01 23:00", "deny", "2026-05-04 00:00"},
		{"allowed after it was denied", []Window{mornings, friday}, "2026-05-02 06:30", "deny", "2026-05-04 06:00"},
		{"never", []Window{always}, "2026-05-02 06:30", "deny", ""},
		{"in a zone", []Window{berlin}, "2026-05-01 19:59", "no window that allows", "2026-05-01 20:00"},
		{"in a zone, open", []Window{berlin}, "2026-05-01 20:00", "", ""},
		{"what nobody can read shuts", []Window{{Cron: "nonsense"}}, "2026-05-01 20:00", "nonsense", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			because, opens := Shut(c.windows, at(t, c.now))
			if (because == "") != (c.because == "") || !strings.Contains(because, c.because) {
				t.Errorf("shut because %q, want %q", because, c.because)
			}
			want := time.Time{}
			if c.opens != "" {
				want = at(t, c.opens)
			}
			if !opens.Equal(want) {
				t.Errorf("opens at %s, want %s", opens, want)
			}
		})
	}
}
