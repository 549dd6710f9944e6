package place

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// named is how many hosts a reason lists by name.
const named = 3

// reason completes "1 …" and "2 …". Hosts are counted together when their
// reasons agree in the plural, so that may leave out what differs.
type reason struct {
	one, many string
	left      amount // what the host has instead; of several the most is told
}

// amount is how much there is of something, which is put into words only for the
// host that is told of.
type amount struct {
	n     int64
	words func(int64) string
}

func (a amount) text() string {
	if a.words == nil {
		return ""
	}
	return a.words(a.n)
}

func plain(one, many string) func(view) reason {
	return func(view) reason { return reason{one: one, many: many} }
}

// group is a number of hosts with one reason.
type group struct {
	reason reason
	hosts  []string
	best   string // the host that has the most left
}

// explain accounts for every host, the commonest reason first.
func (p *placer) explain(s *service) string {
	switch {
	case len(p.hosts) == 0:
		return "no host is registered"
	case s.pin.host != anywhere:
		return p.explainPin(s)
	case len(p.hosts) == 1:
		return p.explainHost(s, 0)
	}
	var parts []string
	for i, g := range p.groups(s) {
		count := fmt.Sprint(len(g.hosts))
		if i == 0 {
			count += fmt.Sprintf(" of %d", len(p.hosts))
		}
		parts = append(parts, count+" "+g.text())
	}
	return strings.Join(parts, ", ")
}

// explainHost is the reason of one host that was refused.
func (p *placer) explainHost(s *service, h int) string {
	return p.hosts[h].Name + " " + p.reasonOf(s, h).alone()
}

// alone is the reason of one host of which it is clear which it is.
func (r reason) alone() string {
	if left := r.left.text(); left != "" {
		return r.one + " (has " + left + ")"
	}
	return r.one
}

// reasonOf says why a host was refused. One that passes all filters would have
// made the spread too uneven.
func (p *placer) reasonOf(s *service, h int) reason {
	verdict := p.judge(s, h)
	if verdict == passed {
		return p.skewReason(s, h)
	}
	return p.filters[verdict].reason(view{s, &p.hosts[h], h, p.onHost[h]})
}

func (p *placer) groups(s *service) []group {
	var groups []group
	for h := range p.hosts {
		r := p.reasonOf(s, h)
		i := slices.IndexFunc(groups, func(g group) bool { return g.reason.many == r.many })
		if i < 0 {
			i = len(groups)
			groups = append(groups, group{reason: r, best: p.hosts[h].Name})
		}
		if r.left.n > groups[i].reason.left.n {
			groups[i].reason.left, groups[i].best = r.left, p.hosts[h].Name
		}
		groups[i].hosts = append(groups[i].hosts, p.hosts[h].Name)
	}
	slices.SortStableFunc(groups, func(a, b group) int {
		return cmp.Or(cmp.Compare(len(b.hosts), len(a.hosts)), cmp.Compare(a.reason.many, b.reason.many))
	})
	return groups
}

func (g group) text() string {
	left := g.reason.left.text()
	switch {
	case left != "" && len(g.hosts) == 1:
		return g.reason.one + " (" + g.best + " has " + left + ")"
	case left != "":
		return g.reason.many + " (best: " + g.best + " has " + left + ")"
	case len(g.hosts) == 1:
		return g.reason.one + " (" + g.hosts[0] + ")"
	}
	names := strings.Join(g.hosts[:min(named, len(g.hosts))], ", ")
	if more := len(g.hosts) - named; more > 0 {
		names += fmt.Sprintf(" and %d more", more)
	}
	return g.reason.many + " (" + names + ")"
}
