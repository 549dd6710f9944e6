package proposal

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
)

// Warning is something that a person should look at twice.
type Warning struct {
	Kind string `json:"kind"` // see the constants
	App  string `json:"app,omitempty"`
	// Thing is what it is about: a service, a host, a secret, a file's kind of
	// document with its name.
	Thing string `json:"thing"`
	Text  string `json:"text"`
	// Fields are what is different about it, Where is the place of the document that
	// says so, in the merge.
	Fields []Field `json:"fields,omitempty"`
	Where  string  `json:"where,omitempty"`
}

// Field is a value that is different. "" is not set.
type Field struct {
	Path string `json:"path"`
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
}

// The kinds of warnings, in the order in which they are told.
const (
	WarnSignature   = "signature"   // somebody has to have signed what nobody did, or has not yet
	WarnPlacement   = "placement"   // fits on no host, or not as it is now
	WarnBlocked     = "blocked"     // can't be done
	WarnRemoval     = "removal"     // goes
	WarnHeld        = "held"        // goes, once a person agrees
	WarnAllowed     = "allowed"     // the commit lets removals through
	WarnDisplaced   = "displaced"   // gives way to something of higher priority
	WarnPrivileged  = "privileged"  // may do anything on its host
	WarnCapability  = "capability"  // more than a container may otherwise
	WarnDevice      = "device"      // of the host
	WarnHostMount   = "hostMount"   // a folder of the host
	WarnHostNetwork = "hostNetwork" // the host's own network
	WarnProtection  = "protection"  // a guard is taken away
	WarnHostAdded   = "hostAdded"
	WarnHostRemoved = "hostRemoved"
	WarnHostChanged = "hostChanged"
	WarnSettings    = "settings" // of an app, the fleet or an image policy
	WarnSecret      = "secret"   // its values are others; they are not shown
)

func kinds() []string {
	return []string{
		WarnSignature, WarnPlacement, WarnBlocked, WarnRemoval, WarnHeld, WarnAllowed, WarnDisplaced, WarnPrivileged, WarnCapability, WarnDevice, WarnHostMount,
		WarnHostNetwork, WarnProtection, WarnHostAdded, WarnHostRemoved, WarnHostChanged, WarnSettings, WarnSecret,
	}
}

func (in *Input) warnings(changes []Effect) []Warning {
	out := slices.Concat(in.signatures(), in.impossible(changes), in.removals(changes), in.grants(), in.protection(), in.settings(), in.secrets())
	order := kinds()
	slices.SortStableFunc(out, func(a, b Warning) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.Kind), slices.Index(order, b.Kind)), cmp.Compare(a.App, b.App), cmp.Compare(a.Thing, b.Thing))
	})
	return out
}

// misfit is what is told of several replicas, or of several hosts, at once.
type misfit struct{ kind, app, of, text string }

func misfitOf(c *Effect) (m misfit, is bool) {
	m = misfit{WarnBlocked, c.Key.App, c.Key.Service, strings.Join(c.Reasons, "; ")}
	if m.of == "" {
		m.of = thing(c.Key)
	}
	switch {
	case c.Displaced:
		m.kind = WarnDisplaced
	case c.Verdict != plan.Blocked || c.Removal:
		return m, false
	case c.Host == "" && c.Key.Kind == plan.KindReplica:
		m.kind, m.text = WarnPlacement, strings.Replace(m.text, "no host for "+thing(c.Key)+": ", "no host: ", 1)
	}
	return m, true
}

// impossible is what the merge asks for and would not get.
func (in *Input) impossible(changes []Effect) []Warning {
	var order []misfit
	alike := map[misfit][]*Effect{}
	for i := range changes {
		if m, is := misfitOf(&changes[i]); is {
			if alike[m] == nil {
				order = append(order, m)
			}
			alike[m] = append(alike[m], &changes[i])
		}
	}
	var out []Warning
	places := in.places()
	for _, m := range order {
		first, n := alike[m][0].Key, len(alike[m])
		w := Warning{Kind: m.kind, App: m.app, Thing: thing(first), Text: m.text, Where: places[m.app+"/"+first.Service]}
		switch {
		case n > 1 && first.Service != "":
			w.Thing, w.Text = m.of, model.Count(n, "replica", "replicas")+": "+m.text
		case n > 1:
			w.Text = "on " + model.Count(n, "host", "hosts") + ": " + m.text
		}
		out = append(out, w)
	}
	return out
}

func thing(k plan.Key) string {
	switch k.Kind {
	case plan.KindReplica, plan.KindRun:
		return k.Service + "-" + k.Slot
	}
	return string(k.Kind) + " " + model.ShortImage(k.Name)
}

// removals tells of each service that gets fewer replicas, or goes.
func (in *Input) removals(changes []Effect) []Warning {
	type group struct {
		app, service string
		held         string // why, if it is
	}
	count := map[group]int{}
	var groups []group
	for _, c := range changes {
		if !c.Removal || c.Key.Kind != plan.KindReplica {
			continue
		}
		g := group{app: c.Key.App, service: c.Key.Service}
		if c.Verdict == plan.Blocked {
			g.held = strings.Join(c.Reasons, "; ")
		}
		if count[g]++; count[g] == 1 {
			groups = append(groups, g)
		}
	}
	var out []Warning
	for _, g := range groups {
		w := Warning{Kind: WarnRemoval, App: g.app, Thing: g.service, Text: model.Count(count[g], "replica goes", "replicas go") + in.becauseGone(g.app, g.service)}
		if g.held != "" {
			w.Kind, w.Text = WarnHeld, w.Text+"; "+g.held
		}
		out = append(out, w)
	}
	if n := in.AllowedRemovals; n > 0 {
		text := fmt.Sprintf("lets up to %d removals through, by its trailer %s", n, model.TrailerAllowRemovals)
		out = append(out, Warning{Kind: WarnAllowed, Thing: "the commit", Text: text})
	}
	return out
}

func (in *Input) becauseGone(app, service string) string {
	switch d := in.Merged.Desired; {
	case !hasApp(d, app):
		return ": the app is no longer in the manifests"
	case find(d, app, service) == nil:
		return ": the service is no longer in the manifests"
	}
	return ": there are to be fewer"
}

func hasApp(d *model.Desired, name string) bool {
	return slices.ContainsFunc(d.Apps, func(a model.App) bool { return a.Name == name })
}

// find is a service of an app, or nil.
func find(d *model.Desired, app, name string) *model.Service {
	for i := range d.Apps {
		for j := range d.Apps[i].Services {
			if s := &d.Apps[i].Services[j]; s.App == app && s.Name == name {
				return s
			}
		}
	}
	return nil
}

// protection tells of guards that are taken away from what stays.
func (in *Input) protection() []Warning {
	var out []Warning
	for i := range in.Base.Desired.Apps {
		app := &in.Base.Desired.Apps[i]
		for j := range app.Services {
			s := &app.Services[j]
			if now := find(in.Merged.Desired, s.App, s.Name); now != nil && s.Guard.Protect && !now.Guard.Protect {
				out = append(out, Warning{Kind: WarnProtection, App: app.Name, Thing: s.Name, Text: "is protected no longer: a later commit may remove it"})
			}
		}
		for j := range app.Volumes {
			v := &app.Volumes[j]
			if v.Protect && !slices.ContainsFunc(volumes(in.Merged.Desired), func(now model.Volume) bool { return now.HostName == v.HostName && now.Protect }) {
				out = append(out, Warning{Kind: WarnProtection, App: app.Name, Thing: "volume " + v.Name, Text: "is protected no longer: `tallyman volume remove` may remove it"})
			}
		}
	}
	return out
}

func volumes(d *model.Desired) []model.Volume {
	var out []model.Volume
	for i := range d.Apps {
		out = append(out, d.Apps[i].Volumes...)
	}
	return out
}
