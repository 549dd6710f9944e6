package plan

import "github.com/tallyman-io/tallyman/reconcile/model"

// NoteLater notes which apps of a plan that a person asked for wait where nobody
// asks: a controller waits for their windows, or for `tallyman apply`.
func (p *Plan) NoteLater(asked, unasked *model.Desired) {
	p.Later = nil
	for i := range unasked.Apps {
		a := &unasked.Apps[i]
		switch {
		case !p.concerns(a.Name):
		case a.Held != nil && (a.Held.Kind == model.HeldWindow || a.Held.Kind == model.HeldManual):
			p.Later = append(p.Later, HeldApp{App: a.Name, At: a.Revision, Kind: a.Held.Kind, Reason: a.Held.Why()})
		case a.Waits != "" && !waits(asked, a.Name):
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

// waits says whether the app waits whoever asks.
func waits(d *model.Desired, app string) bool {
	for i := range d.Apps {
		if d.Apps[i].Name == app {
			return d.Apps[i].Waits != ""
		}
	}
	return false
}
