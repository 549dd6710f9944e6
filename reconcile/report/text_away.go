package report

import (
	"fmt"
	"io"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// AwayHost is a declared host that gives no answer, so that a plan can't tell what
// there is to do on it.
type AwayHost struct {
	Name  string `json:"name"`
	Error string `json:"error"`
	// Lost says that a controller gave it up.
	Lost bool `json:"lost,omitempty"`
	// SameAs is the host of the same engine that is used in its place.
	SameAs string `json:"sameAs,omitempty"`
}

// Away are the declared hosts that give no answer.
func Away(live *model.Live) []AwayHost {
	var away []AwayHost
	for i := range live.Hosts {
		if h := &live.Hosts[i]; !h.Reachable {
			away = append(away, AwayHost{h.Name, h.Error, h.Condition == model.Lost, h.SameAs})
		}
	}
	return away
}

// AwayText writes what a plan leaves out, to stand behind it.
func AwayText(w io.Writer, away []AwayHost, style Style) error {
	t := &text{Style: style}
	if len(away) > 0 {
		t.line("")
	}
	t.awayHosts(away)
	return t.to(w)
}

func (t *text) awayHosts(away []AwayHost) {
	for _, h := range away {
		what := "can't be reached: what is to be done there is not known"
		switch {
		case h.SameAs != "":
			what = "is not used"
		case h.Lost:
			what = "is lost: what can run elsewhere is placed elsewhere"
		}
		t.line("%s", t.paint(alarm, fmt.Sprintf("host %s %s", h.Name, what)))
		t.line("  %s", clean(or(h.Error)))
	}
}

// LostText writes which hosts have been given up, for who asked for something that
// was done without them.
func LostText(w io.Writer, s *Status) error {
	var away []AwayHost
	for i := range s.Hosts {
		if h := &s.Hosts[i]; !h.Reachable && h.Condition == model.Lost && !h.Leaving {
			away = append(away, AwayHost{Name: h.Name, Error: h.Error, Lost: true})
		}
	}
	t := &text{}
	t.awayHosts(away)
	return t.to(w)
}
