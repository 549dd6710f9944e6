package model

import "time"

// HostPin is a cordon or a drain of a host that a person ordered without a
// commit. It comes on top of what the manifest says.
type HostPin struct {
	Drain  bool      `json:"drain,omitempty"` // and not only a cordon
	By     string    `json:"by,omitempty"`
	Reason string    `json:"reason,omitempty"`
	Since  time.Time `json:"since"`
	Until  time.Time `json:"until,omitzero"` // zero is until somebody lets go
}

// Ended says whether the pin has run out.
func (p *HostPin) Ended(now time.Time) bool { return !p.Until.IsZero() && !now.Before(p.Until) }

// Under is the host as it is under a pin.
func (h Host) Under(p HostPin) Host {
	h.Pin = &p
	if p.Drain {
		h.Drain = true // which keeps new ones away, too
	} else {
		h.Schedulable = false
	}
	return h
}
