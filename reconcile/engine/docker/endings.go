package docker

import (
	"strconv"
	"sync"

	"github.com/docker/docker/api/types/events"
)

// endings are the exit codes with which containers ended last, as far as events
// told. An engine that has started a container again knows the code no more, and
// it is what people ask for first. Nothing is decided by it.
type endings struct {
	mu    sync.Mutex
	codes map[string]int // by container id
}

// note takes over what an event tells.
func (e *endings) note(m events.Message) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch m.Action {
	case events.ActionDestroy:
		delete(e.codes, m.Actor.ID)
	case events.ActionDie:
		code, err := strconv.Atoi(m.Actor.Attributes["exitCode"])
		if err != nil {
			return
		}
		if e.codes == nil {
			e.codes = map[string]int{}
		}
		e.codes[m.Actor.ID] = code
	}
}

func (e *endings) code(id string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.codes[id]
}
