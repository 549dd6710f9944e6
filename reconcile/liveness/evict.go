package liveness

import "github.com/tallyman-io/tallyman/reconcile/model"

// Evict takes off the lost hosts the replicas that are to run elsewhere: nobody
// knows of them any more, so they are missing, and missing replicas are placed
// where they can run; of the host only which they were is kept, to be told. When the host is back they are there again, as surplus, and
// the rule about two containers of one replica says which of them stays. What
// waits for its host, and all volumes, are left where they are; networks are
// forgotten too, as there is nothing to be done about them.
func Evict(live *model.Live, d *model.Desired) {
	type key struct{ app, service string }
	outlives := map[key]bool{}
	for i := range d.Apps {
		for j := range d.Apps[i].Services {
			s := &d.Apps[i].Services[j]
			outlives[key{s.App, s.Name}] = s.Outlives()
		}
	}
	for i := range live.Hosts {
		h := &live.Hosts[i]
		if h.Condition != model.Lost {
			continue
		}
		var stay []model.Container
		for _, c := range h.Containers {
			if c.Owner.Owner != d.Owner || c.Owner.Service == "" || !outlives[key{c.Owner.App, c.Owner.Service}] {
				stay = append(stay, c)
				continue
			}
			h.Evicted = append(h.Evicted, c.Owner)
		}
		h.Containers, h.Networks = stay, nil
	}
}
