package liveness

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// noon is a moment at which a controller has been at work for an hour.
var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// fleet is an input with n hosts, of which those named are away for a while.
func fleet(n int, away map[string]time.Duration) Input {
	in := Input{Fleet: model.DefaultFleet(), Now: noon, Started: noon.Add(-time.Hour), Away: map[string]time.Time{}, Lost: map[string]time.Time{}}
	for i := range n {
		in.Hosts = append(in.Hosts, model.Host{Name: fmt.Sprintf("h%d", i+1), Grace: in.Fleet.Grace})
	}
	for name, d := range away {
		in.Away[name] = noon.Add(-d)
	}
	return in
}

func zone(in *Input, of map[string]string) {
	for i := range in.Hosts {
		in.Hosts[i].Labels = map[string]string{"zone": of[in.Hosts[i].Name]}
	}
}

const s = time.Second

func TestAHostThatGivesNoAnswer(t *testing.T) {
	for name, tc := range map[string]struct {
		away   time.Duration
		change func(*Input)
		want   model.Condition
		says   string
	}{
		"within the grace":         {14 * s, nil, model.Ready, ""},
		"after the grace":          {15 * s, nil, model.Unreachable, ""},
		"before it is given up":    {29 * s, nil, model.Unreachable, ""},
		"for long enough":          {30 * s, nil, model.Lost, ""},
		"with a grace of its own":  {29 * s, func(in *Input) { in.Hosts[0].Grace = model.Grace{Unreachable: time.Minute, Lost: s} }, model.Ready, ""},
		"given up at once":         {15 * s, func(in *Input) { in.Hosts[0].Grace = model.Grace{Unreachable: 15 * s} }, model.Lost, ""},
		"soon after the start":     {30 * s, func(in *Input) { in.Started = noon.Add(-59 * s) }, model.Unreachable, "has begun only now"},
		"when the start is past":   {30 * s, func(in *Input) { in.Started = noon.Add(-60 * s) }, model.Lost, ""},
		"given up before":          {29 * s, func(in *Input) { in.Lost["h1"] = noon.Add(-s) }, model.Lost, ""},
		"given up, and just begun": {0, func(in *Input) { in.Lost["h1"] = noon.Add(-time.Hour); in.Started = noon; in.Away["h1"] = noon }, model.Lost, ""},
	} {
		t.Run(name, func(t *testing.T) {
			in := fleet(4, map[string]time.Duration{"h1": tc.away})
			if tc.change != nil {
				tc.change(&in)
			}
			got := Judge(in)
			if got.Conditions["h1"] != tc.want || !strings.Contains(got.Withheld["h1"], tc.says) || tc.says == "" && got.Withheld["h1"] != "" {
				t.Errorf("it is %s, withheld %q; want %s, %q", got.Conditions["h1"], got.Withheld["h1"], tc.want, tc.says)
			}
			if got.Conditions["h2"] != model.Ready {
				t.Errorf("a host that answers is %s", got.Conditions["h2"])
			}
			if tc.want != model.Lost && tc.says == "" && !got.Wake.After(in.Now) {
				t.Errorf("nobody looks again: wake at %s", got.Wake)
			}
		})
	}
}

func TestAHostThatIsBackIsReady(t *testing.T) {
	in := fleet(4, nil)
	in.Lost["h1"] = noon.Add(-time.Minute)
	if got := Judge(in); got.Conditions["h1"] != model.Ready || len(got.Lost) > 0 {
		t.Errorf("it is %s, lost are %v", got.Conditions["h1"], got.Lost)
	}
}

// away is that hosts have been away for long enough to be given up.
func away(names ...string) map[string]time.Duration {
	out := map[string]time.Duration{}
	for _, n := range names {
		out[n] = time.Minute
	}
	return out
}

func TestAMassLossIsTheNetworks(t *testing.T) {
	zones := map[string]string{"h1": "a", "h2": "a", "h3": "a", "h4": "a", "h5": "b", "h6": "b", "h7": "b", "h8": "b", "h9": "b"}
	for name, tc := range map[string]struct {
		n      int
		away   []string
		change func(*Input)
		lost   []string
		says   string
	}{
		"one of two":         {2, []string{"h1"}, nil, []string{"h1"}, ""},
		"the only one":       {1, []string{"h1"}, nil, nil, "1 of 1 hosts are away together (evictionThreshold 55%)"},
		"two of three":       {3, []string{"h1", "h2"}, nil, nil, "2 of 3 hosts"},
		"half":               {4, []string{"h1", "h2"}, nil, []string{"h1", "h2"}, ""},
		"all":                {9, []string{"h1", "h2", "h3", "h4", "h5", "h6", "h7", "h8", "h9"}, nil, nil, "9 of 9 hosts"},
		"some are only just": {3, []string{"h1"}, func(in *Input) { in.Away["h2"] = noon }, nil, "2 of 3 hosts"},
		"a domain":           {9, []string{"h1", "h2", "h3"}, func(in *Input) { zone(in, zones) }, nil, "3 of 4 hosts with host.labels.zone a are away"},
		"two of a domain":    {9, []string{"h1", "h2"}, func(in *Input) { zone(in, zones) }, []string{"h1", "h2"}, ""},
		"a domain, and one":  {9, []string{"h1", "h2", "h3", "h5"}, func(in *Input) { zone(in, zones) }, []string{"h5"}, "3 of 4 hosts"},
		"without threshold":  {3, []string{"h1", "h2"}, func(in *Input) { in.Fleet.EvictionThreshold = model.Portion{N: 100, Percent: true} }, []string{"h1", "h2"}, ""},
		"a number of them":   {9, []string{"h1", "h2"}, func(in *Input) { in.Fleet.EvictionThreshold = model.Portion{N: 1} }, nil, "evictionThreshold 1"},
		"one more than before": {5, []string{"h1", "h2", "h3"}, func(in *Input) {
			in.Lost["h1"], in.Lost["h2"] = noon.Add(-time.Hour), noon.Add(-time.Hour)
		}, []string{"h1", "h2", "h3"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			in := fleet(tc.n, away(tc.away...))
			if tc.change != nil {
				tc.change(&in)
			}
			got := Judge(in)
			if lost := slices.Sorted(maps.Keys(got.Lost)); !slices.Equal(lost, tc.lost) {
				t.Errorf("lost are %v, want %v", lost, tc.lost)
			}
			for name, why := range got.Withheld {
				if tc.says == "" || !strings.Contains(why, tc.says) {
					t.Errorf("%s is not given up because %q, want %q", name, why, tc.says)
				}
			}
			if len(got.Withheld) == 0 && tc.says != "" {
				t.Error("none is withheld")
			}
		})
	}
}

// TestTheLastOfManyHasItsTimeAnew: of two hosts that were cut off for long one is
// seen again, at a moment at which nobody had judged for a while.
func TestTheLastOfManyHasItsTimeAnew(t *testing.T) {
	for name, away := range map[string]time.Duration{"withheld for long": 10 * time.Minute, "just before it would be given up": 29 * s} {
		t.Run(name, func(t *testing.T) {
			in := fleet(3, map[string]time.Duration{"h1": away, "h2": away})
			judge := func(later time.Duration) Result {
				in.Now = in.Now.Add(later)
				got := Judge(in)
				in.Lost, in.GivenUp, in.Anew = got.Lost, got.GivenUp, got.Anew
				return got
			}
			judge(0)
			delete(in.Away, "h1")
			back := judge(5 * time.Minute)
			if back.Conditions["h2"] != model.Unreachable || back.Withheld["h2"] != "" {
				t.Fatalf("as the other is back it is %s, withheld %q", back.Conditions["h2"], back.Withheld["h2"])
			}
			if want := in.Now.Add(in.Hosts[1].Grace.Lost); !back.Wake.Equal(want) {
				t.Errorf("looks again at %s, want %s", back.Wake, want)
			}
			if got := judge(14 * s).Conditions["h2"]; got != model.Unreachable {
				t.Errorf("before its time is over it is %s", got)
			}
			if got := judge(s).Conditions["h2"]; got != model.Lost {
				t.Errorf("when its time is over it is %s", got)
			}
			delete(in.Away, "h2")
			if got := judge(s); len(got.Anew) > 0 {
				t.Errorf("of hosts that answer is remembered %v", got.Anew)
			}
		})
	}
}

// TestHostsAreGivenUpOneAfterTheOther lets 20 of 100 hosts vanish at once.
func TestHostsAreGivenUpOneAfterTheOther(t *testing.T) {
	gone := map[string]time.Duration{}
	for i := range 20 {
		gone[fmt.Sprintf("h%d", i+1)] = 30 * s
	}
	in := fleet(100, gone)
	var perMinute []int
	for range 5 {
		before := len(in.Lost)
		for end := in.Now.Add(time.Minute); in.Now.Before(end); in.Now = in.Now.Add(s) {
			got := Judge(in)
			if len(got.Lost) < 20 && !got.Wake.After(in.Now) {
				t.Fatalf("%d are lost, and nobody looks again: wake at %s", len(got.Lost), got.Wake)
			}
			in.Lost, in.GivenUp = got.Lost, got.GivenUp
		}
		perMinute = append(perMinute, len(in.Lost)-before)
	}
	if want := []int{6, 6, 6, 2, 0}; !slices.Equal(perMinute, want) {
		t.Errorf("given up per minute: %v, want %v", perMinute, want)
	}
}

// TestNeverTooMany: whatever comes and goes, in any order, no minute has more
// than the rate, none is given up within its grace, and what answers is ready.
func TestNeverTooMany(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := fleet(rapid.IntRange(1, 12).Draw(t, "hosts"), nil)
		in.Started = in.Now
		in.Fleet.EvictionRate = rapid.IntRange(1, 3).Draw(t, "rate")
		var given []time.Time
		for range 60 {
			in.Now = in.Now.Add(time.Duration(rapid.IntRange(1, 20).Draw(t, "s")) * s)
			name := fmt.Sprintf("h%d", rapid.IntRange(1, len(in.Hosts)).Draw(t, "host"))
			if in.Away[name].IsZero() {
				in.Away[name] = in.Now
			} else if rapid.Bool().Draw(t, "back") {
				delete(in.Away, name)
			}
			before := in.Lost
			got := Judge(in)
			for name := range got.Lost {
				if _, was := before[name]; was {
					continue
				}
				given = append(given, in.Now)
				if in.Now.Before(in.Away[name].Add(30*s)) || in.Now.Before(in.Started.Add(in.Fleet.WarmUp)) {
					t.Fatalf("%s is given up after %s", name, in.Now.Sub(in.Away[name]))
				}
			}
			for _, h := range in.Hosts {
				if in.Away[h.Name].IsZero() && got.Conditions[h.Name] != model.Ready {
					t.Fatalf("%s answers and is %s", h.Name, got.Conditions[h.Name])
				}
			}
			in.Lost, in.GivenUp, in.Anew = got.Lost, got.GivenUp, got.Anew
		}
		for i := in.Fleet.EvictionRate; i < len(given); i++ {
			if given[i].Before(given[i-in.Fleet.EvictionRate].Add(time.Minute)) {
				t.Fatalf("more than %d were given up within a minute: %v", in.Fleet.EvictionRate, given)
			}
		}
	})
}
