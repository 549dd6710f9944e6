package reconcile

import (
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/place"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// failures are where services failed lately, as far as containers that are still
// there and the last rollouts tell. A host where something failed is a worse place
// for what is the same.
func (v *View) failures() []place.Failure {
	var out []place.Failure
	for i := range v.Live.Hosts {
		h := &v.Live.Hosts[i]
		for j := range h.Containers {
			c := &h.Containers[j]
			if c.Owner.Service != "" && endedBadly(c) && c.OwnedBy(v.Desired.Owner, v.Known) {
				out = append(out, place.Failure{App: c.Owner.App, Service: c.Owner.Service, Fingerprint: c.Owner.Fingerprint, Host: h.Name, Count: 1})
			}
		}
	}
	for i := range v.Desired.Apps {
		app := &v.Desired.Apps[i]
		r := v.State.Records[app.Name]
		if r.Phase != rollout.Failed || r.Digest != app.Digest || r.Host == "" {
			continue
		}
		for j := range app.Services {
			if s := &app.Services[j]; s.Name == r.Service {
				out = append(out, place.Failure{App: app.Name, Service: s.Name, Fingerprint: s.Fingerprint, Host: r.Host, Count: 1})
			}
		}
	}
	return out
}

// endedBadly says whether a container is not what it was started for.
func endedBadly(c *model.Container) bool {
	switch c.State {
	case model.StateExited:
		return c.ExitCode != 0 || c.OOMKilled || c.Error != ""
	case model.StateRestarting:
		return true
	}
	return c.State == model.StateRunning && c.Health == model.HealthUnhealthy
}
