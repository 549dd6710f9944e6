package report

import (
	"fmt"
	"strings"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// pullText reads `pulling web:1.4 on edge-1: 34 MB of 80 MB`. Before the engine
// knows what there is to fetch, it says only that it is at it.
func pullText(host string, p *model.Pull) string {
	return pullName(host, p) + pulled(p)
}

func pullName(host string, p *model.Pull) string {
	return "pulling " + clean(model.ShortImage(p.Image)) + " on " + host
}

func pulled(p *model.Pull) string {
	if p.Total == 0 {
		return ""
	}
	return fmt.Sprintf(": %s of %s", megabytes(p.Done), megabytes(p.Total))
}

// megabytes is how registries and people count what goes over a network.
func megabytes(n int64) string {
	const mega = 1_000_000
	if n > 0 && n < mega {
		return "1 MB"
	}
	return fmt.Sprintf("%d MB", (n+mega/2)/mega)
}

// pullTexts are all pulls at work, by host.
func pullTexts(s *Status) []string {
	var lines []string
	for i := range s.Hosts {
		for j := range s.Hosts[i].Pulls {
			lines = append(lines, pullText(s.Hosts[i].Name, &s.Hosts[i].Pulls[j]))
		}
	}
	return lines
}

// pullSteps is how often a pull is told of where lines are not drawn over.
const pullSteps = 4

// sayPulls writes a line when a pull begins, and at each of its steps.
func (p *Progress) sayPulls(out *strings.Builder, s *Status) {
	for i := range s.Hosts {
		for j := range s.Hosts[i].Pulls {
			pull := &s.Hosts[i].Pulls[j]
			name, step := pullName(s.Hosts[i].Name, pull), "begun"
			if pull.Total > 0 {
				step = fmt.Sprint(pull.Done * pullSteps / pull.Total)
			}
			if p.said[name] != step {
				p.said[name] = step
				fmt.Fprintf(out, "%s\n", name+pulled(pull))
			}
		}
	}
}
