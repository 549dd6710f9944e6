package report

import (
	"fmt"
	"strings"
	"time"
)

// longestTitle leaves room for the reason behind it.
const longestTitle = 40

func (t *text) previewTable(s *Status) {
	rows := [][]cell{header("PREVIEW", "STATE", "HEALTH", "HEAD", "LEFT", "ADDRESS", "TITLE", "WHY")}
	for i := range s.Previews {
		p := &s.Previews[i]
		rows = append(rows, []cell{
			word(p.Name), word(string(p.State)), colored(or(string(p.Health)), healthColor(p.Health)), word(or(short(p.Head))),
			word(p.left(s.Time)), word(or(p.addressText())), word(or(upTo(longestTitle, clean(p.Title)))), word(clean(p.Reason)),
		})
	}
	t.table("", rows)
}

// left is how much of its time is left, in hours while these are few, as people
// write a ttl.
func (p *Preview) left(now time.Time) string {
	switch left := p.Until.Sub(now); {
	case p.Until.IsZero():
		return "-"
	case left >= time.Hour && left < 100*time.Hour:
		return fmt.Sprintf("%dh", int(left.Hours()))
	}
	return ago(p.Until, now)
}

func (p *Preview) addressText() string {
	var texts []string
	for _, a := range p.Addresses {
		texts = append(texts, fmt.Sprintf("%s:%d", a.Host, a.Published))
	}
	return strings.Join(texts, " ")
}
