// Package preview says which pull requests run beside an app, and what of one
// runs: the app's documents as they are at its commit, under another name, and
// without what reaches into the real app or further.
package preview

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// Preview is a pull request that has its app's label.
type Preview struct {
	App    string `json:"app"`
	Number int    `json:"number"`
	// Head is its newest commit.
	Head   string `json:"head"`
	Title  string `json:"title,omitempty"`
	Author string `json:"author,omitempty"`
	URL    string `json:"url,omitempty"`
	// Since is when it was first heard of, Updated when its newest commit was: by
	// that its time is counted. Whoever gives the list leaves them out.
	Since   time.Time `json:"since,omitzero"`
	Updated time.Time `json:"updated,omitzero"`
	// Started is since when it may run; zero while it may not.
	Started time.Time `json:"started,omitzero"`
	// Accepted is the last commit of it that could run.
	Accepted string `json:"accepted,omitempty"`
}

// Name is the app that the preview runs as.
func (p *Preview) Name() string { return fmt.Sprintf("%s-pr-%d", p.App, p.Number) }

// Renew is a new list with what the old one remembers of each: a pull request with
// another commit has its time anew, and one that was away has everything anew. One
// whose app the branch calls otherwise now was not away: its time goes on.
func Renew(old, list []Preview, now time.Time) []Preview {
	next := make([]Preview, 0, len(list))
	for _, p := range list {
		p.Since, p.Updated, p.Started, p.Accepted = now, now, time.Time{}, ""
		if i := slices.IndexFunc(old, func(o Preview) bool { return o.App == p.App && o.Number == p.Number }); i >= 0 {
			p.Since, p.Started, p.Accepted = old[i].Since, old[i].Started, old[i].Accepted
			if old[i].Head == p.Head {
				p.Updated = old[i].Updated
			}
		} else if o := renamed(old, list, p); o != nil {
			p.Since, p.Updated = o.Since, o.Updated
		}
		next = append(next, p)
	}
	slices.SortFunc(next, compare)
	return slices.CompactFunc(next, func(a, b Preview) bool { return a.App == b.App && a.Number == b.Number })
}

// renamed is what the old list has of the same commit for an app that the new one has
// none for: what an app's other name, or another app's label, was before.
func renamed(old, list []Preview, p Preview) *Preview {
	for i := range old {
		o := &old[i]
		goesOn := func(n Preview) bool { return n.App == o.App && n.Number == o.Number }
		if o.Number == p.Number && o.Head == p.Head && !slices.ContainsFunc(list, goesOn) {
			return o
		}
	}
	return nil
}

func compare(a, b Preview) int {
	return cmp.Or(cmp.Compare(a.App, b.App), cmp.Compare(a.Number, b.Number))
}

// State is what becomes of a preview.
type State string

// The states.
const (
	Running State = "running"
	Queued  State = "queued"  // others run, and there may be no more
	Expired State = "expired" // it had no new commit for too long
	Refused State = "refused" // what it asks for is not run
	Off     State = "off"     // the branch has no such app, or wants no previews of it
)

// Admission is what becomes of one preview, and why. Until is when its time is
// over, if nothing is pushed before.
type Admission struct {
	Preview
	State  State
	Reason string
	Until  time.Time
}

// AdmitInput is what the choice is made from.
type AdmitInput struct {
	List []Preview
	// Rules are those of the apps that the branch has.
	Rules map[string]*model.Previews
	// Refused says of previews, by name, why nothing of them can run.
	Refused map[string]string
	Now     time.Time
}

// Admit says what becomes of each preview, in the order of the list. Who runs goes
// on, also where fewer may begin to than before. Then who was heard of first, and of those heard of together the lowest number:
// a label on an old pull request sends none away. Wake is when another choice may
// fall.
func Admit(in AdmitInput) (out []Admission, wake time.Time) {
	out = make([]Admission, len(in.List))
	order := make([]int, len(in.List))
	for i := range in.List {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		a, b := &in.List[i], &in.List[j]
		return cmp.Or(later(a.Started, b.Started), a.Since.Compare(b.Since), compare(*a, *b))
	})
	running := map[string]int{}
	for _, i := range order {
		a := Admission{Preview: in.List[i]}
		a.admit(&in, running)
		switch {
		case a.State != Running:
			a.Started = time.Time{}
		case a.Started.IsZero():
			a.Started = in.Now
		}
		if a.State != Expired && a.State != Off {
			if wake.IsZero() || a.Until.Before(wake) {
				wake = a.Until
			}
		}
		out[i] = a
	}
	return out, wake
}

// later compares two times of which one that is not known yet comes last.
func later(a, b time.Time) int {
	if a.IsZero() != b.IsZero() {
		return -a.Compare(b)
	}
	return a.Compare(b)
}

func (a *Admission) admit(in *AdmitInput, running map[string]int) {
	rules := in.Rules[a.App]
	if rules == nil {
		a.State, a.Reason = Off, fmt.Sprintf("the branch has no app %q with previews", a.App)
		return
	}
	a.Until = a.Updated.Add(rules.TTL)
	switch reason := in.Refused[a.Name()]; {
	case !in.Now.Before(a.Until):
		a.State, a.Reason = Expired, fmt.Sprintf("no new commit for %s; push one, or take the label off and put it on again", rules.TTL)
	case reason != "":
		a.State, a.Reason = Refused, reason
	case running[a.App] >= rules.Max && a.Started.IsZero():
		a.State, a.Reason = Queued, fmt.Sprintf("%d previews of app %q run, and max is %d", running[a.App], a.App, rules.Max)
	default:
		a.State = Running
		running[a.App]++
	}
}
