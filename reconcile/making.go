package reconcile

import "github.com/tallyman-io/tallyman/reconcile/model"

// making are the volumes, by host and their names there, that hosts were asked to
// make and have not shown since. A list may be older than the volume, and what is on
// its way is in none: that a volume is not listed does not say that it is not there.
type making map[string]map[string]bool

func (m making) has(host, volume string) bool { return m[host][volume] }

// begin notes what a task is about to make.
func (m making) begin(ops []model.Op) {
	for _, op := range ops {
		if create, ok := op.(model.CreateVolume); ok {
			if m[create.Host] == nil {
				m[create.Host] = map[string]bool{}
			}
			m[create.Host][create.Volume.HostName] = true
		}
	}
}

// giveUp lets go of what was not made, when the host has been looked at since.
func (m making) giveUp(ops []model.Op) {
	for _, op := range ops {
		if create, ok := op.(model.CreateVolume); ok {
			delete(m[create.Host], create.Volume.HostName)
		}
	}
}

// seen lets go of what a host shows.
func (m making) seen(h *model.HostState) {
	if len(m[h.Name]) == 0 {
		return
	}
	for i := range h.Volumes {
		delete(m[h.Name], h.Volumes[i].Name)
	}
}
