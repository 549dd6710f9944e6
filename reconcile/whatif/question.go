package whatif

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/tallyman-io/tallyman/internal/suggest"
	"github.com/tallyman-io/tallyman/reconcile/liveness"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// Question is what would be different about the hosts.
type Question struct {
	Without []string // lost
	Add     []Added
}

// Added is a host that there is not yet, and what its engine would say of it.
type Added struct {
	Host model.Host
	Info model.HostInfo
}

// Of gives the desired and the live side of the question. What it is given is not
// changed.
func (q Question) Of(d *model.Desired, live model.Live) (*model.Desired, model.Live, error) {
	asked := *d
	asked.Hosts = slices.Clone(d.Hosts)
	live.Hosts = slices.Clone(live.Hosts)
	for _, name := range q.Without {
		i := slices.IndexFunc(live.Hosts, func(h model.HostState) bool { return h.Name == name })
		if i < 0 {
			return nil, live, fmt.Errorf("take away host %q: there is no such host%s", name, suggest.Among(name, names(live.Hosts)))
		}
		h := &live.Hosts[i]
		h.Reachable, h.Condition, h.Error = false, model.Lost, "is taken away by the question"
	}
	for _, a := range q.Add {
		if slices.ContainsFunc(live.Hosts, func(h model.HostState) bool { return h.Name == a.Host.Name }) {
			return nil, live, fmt.Errorf("add host %q: there is one of that name", a.Host.Name)
		}
		a.Host.Grace = d.Fleet.Grace
		asked.Hosts = append(asked.Hosts, a.Host)
		live.Hosts = append(live.Hosts, model.HostState{Name: a.Host.Name, Reachable: true, Known: true, Info: a.likeOthers(live.Hosts)})
	}
	slices.SortFunc(asked.Hosts, func(a, b model.Host) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(live.Hosts, func(a, b model.HostState) int { return cmp.Compare(a.Name, b.Name) })
	return &asked, live, nil
}

// likeOthers fills in what nobody says of a new host: it has the architecture and
// the engine of those that there are.
func (a Added) likeOthers(hosts []model.HostState) model.HostInfo {
	for i := range hosts {
		if info := hosts[i].Info; info.Arch != "" {
			info.NanoCPUs, info.Memory = a.Info.NanoCPUs, a.Info.Memory
			info.Arch = cmp.Or(a.Info.Arch, info.Arch)
			return info
		}
	}
	return a.Info
}

// Notice is what a controller would make of it if these hosts all fell silent at
// once: how long it takes until the last of them is given up, and of those that
// are not given up at all, why.
func (q Question) Notice(d *model.Desired, now time.Time) (after time.Duration, withheld map[string]string) {
	in := liveness.Input{
		Fleet: d.Fleet, Hosts: d.Hosts, Now: now, Started: now.Add(-d.Fleet.WarmUp),
		Away: map[string]time.Time{}, Lost: map[string]time.Time{},
	}
	for _, name := range q.Without {
		if slices.ContainsFunc(d.Hosts, func(h model.Host) bool { return h.Name == name }) {
			in.Away[name] = now
		}
	}
	for {
		r := liveness.Judge(in)
		if len(r.Lost) == len(in.Away) || !r.Wake.After(in.Now) {
			for _, at := range r.Lost {
				after = max(after, at.Sub(now))
			}
			return after, r.Withheld
		}
		in.Now, in.Lost, in.GivenUp, in.Anew = r.Wake, r.Lost, r.GivenUp, r.Anew
	}
}

func names(hosts []model.HostState) []string {
	names := make([]string, len(hosts))
	for i := range hosts {
		names[i] = hosts[i].Name
	}
	return names
}
