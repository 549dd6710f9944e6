package report

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/preview"
)

// Preview is what became of a pull request that is to run beside its app.
type Preview struct {
	Name   string `json:"name"` // of the app that it runs as
	App    string `json:"app"`
	Number int    `json:"number"`
	Head   string `json:"head"`
	Title  string `json:"title,omitempty"`
	Author string `json:"author,omitempty"`
	URL    string `json:"url,omitempty"`
	// State is running, queued, expired, refused or off, and Reason why.
	State  preview.State `json:"state"`
	Reason string        `json:"reason,omitempty"`
	// Revision is the commit that runs or is on its way, and Health how it does.
	Revision string `json:"revision,omitempty"`
	Health   Health `json:"health,omitempty"`
	// Updated is when its newest commit came, Until when its time is over.
	Updated   time.Time `json:"updated,omitzero"`
	Until     time.Time `json:"until,omitzero"`
	Addresses []Address `json:"addresses,omitempty"`
}

// Address is where a port of a preview is to be reached.
type Address struct {
	Service   string `json:"service"`
	Port      int    `json:"port"` // of the program
	Host      string `json:"host"`
	Published int    `json:"published"`
	Protocol  string `json:"protocol"`
}

// previews folds the previews. What of one is not running yet counts as on its way.
func (f *folder) previews(s *Status) []Preview {
	var out []Preview
	for i := range f.in.Previews {
		a := &f.in.Previews[i]
		p := Preview{
			Name: a.Name(), App: a.App, Number: a.Number, Head: a.Head, Title: a.Title, Author: a.Author, URL: a.URL,
			State: a.State, Reason: a.Reason, Updated: a.Updated, Until: a.Until,
		}
		if app := slices.IndexFunc(s.Apps, func(o App) bool { return o.Name == p.Name && o.Preview == strconv.Itoa(p.Number) }); app >= 0 {
			p.takeOver(&s.Apps[app])
			p.Addresses = f.addresses(p.Name)
		}
		out = append(out, p)
	}
	return out
}

func (p *Preview) takeOver(app *App) {
	p.Revision, p.Health = app.Revision, app.Health
	if p.Health == Missing || p.Revision == "" {
		p.Health = Progressing
	}
	p.Reason = strings.Trim(p.Reason+"; "+app.Reason, "; ")
}

func (f *folder) addresses(app string) []Address {
	var out []Address
	for _, c := range f.containers {
		if c.Owner.App != app || !c.Running() {
			continue
		}
		for _, p := range c.Ports {
			if p.Published != 0 && !again(p, c.Ports) {
				out = append(out, Address{c.Owner.Service, int(p.Container), c.Host, int(p.Published), p.Protocol})
			}
		}
	}
	slices.SortFunc(out, func(a, b Address) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Port, b.Port), cmp.Compare(a.Host, b.Host), cmp.Compare(a.Published, b.Published))
	})
	return slices.Compact(out)
}

// again says whether the port is published for IPv6 besides IPv4: an engine that
// chooses takes another number for each, and one is enough to reach it.
func again(p model.Port, all []model.Port) bool {
	return p.HostIP == "::" && slices.ContainsFunc(all, func(o model.Port) bool {
		return o.HostIP != "::" && o.Published != 0 && o.Container == p.Container && o.Protocol == p.Protocol
	})
}
