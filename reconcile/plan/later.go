package plan

import "github.com/tallyman-io/tallyman/reconcile/model"

// NoteLater notes which apps of the plan are rolled only when a person asks, as
// they are chosen for where nobody does: a controller waits for their windows, or
// for `tallyman apply`.
func (p *Plan) NoteLater(unasked *model.Desired) {
	p.Later = nil
	for i := range unasked.Apps {
		a := &unasked.Apps[i]
		switch {
		case !p.concerns(a.Name):
		case a.Held != nil && (a.Held.Kind == model.HeldWindow || a.Held.Kind == model.HeldManual):
			p.Later = append(p.Later, HeldApp{App: a.Name, At: a.Revision, Kind: a.Held.Kind, Reason: a.Held.Why()})
		case a.Waits != "" && !p.holds(a.Name):
			kind := model.HeldWindow
			if !a.Sync.Auto {
				kind = model.HeldManual
			}
			p.Later = append(p.Later, HeldApp{App: a.Name, Kind: kind, Reason: a.Waits})
		}
	}
}

// concerns says whether anything of the app is to be done.
func (p *Plan) concerns(app string) bool {
	for i := range p.Changes {
		if p.Changes[i].Key.App == app && p.Changes[i].Wanted() {
			return true
		}
	}
	return false
}

func (p *Plan) holds(app string) bool {
	for i := range p.Held {
		if p.Held[i].App == app {
			return true
		}
	}
	return false
}
