package reconcile

import (
	"maps"
	"slices"
)

// journal writes something down. What the journal can't take, because a disk is
// full, is written in a later pass, unless something newer of the same has come
// by then; it is told once.
func (c *Controller) journal(of string, write func() error) {
	err := write()
	if err == nil {
		delete(c.unwritten, of)
		return
	}
	if c.unwritten[of] == nil {
		c.cfg.Log.Error("not remembered for now", "what", of, "error", err)
	}
	c.unwritten[of] = write
}

// rejournal writes what could not be written before.
func (c *Controller) rejournal() {
	for _, of := range slices.Sorted(maps.Keys(c.unwritten)) {
		c.journal(of, c.unwritten[of])
	}
}
