package reconcile

import (
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine/sim"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

var errDead = errors.New("the controller is dead")

// journal is a Journal in memory whose writer can die after any write, like the
// controller after any op.
type journal struct {
	mu     sync.Mutex
	world  *sim.World
	memory Memory
	writes int
	diesAt int // 0 never
	events []Event
	// forgetful keeps no events.
	forgetful bool

	history []rollout.Record
}

func (j *journal) Load() (Memory, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return Memory{Accepted: j.memory.Accepted, Records: maps.Clone(j.memory.Records), Standings: maps.Clone(j.memory.Standings), Hosts: maps.Clone(j.memory.Hosts), Pins: maps.Clone(j.memory.Pins), Placed: maps.Clone(j.memory.Placed), Guards: maps.Clone(j.memory.Guards), Previews: slices.Clone(j.memory.Previews)}, nil
}

// write does one write, unless the controller is dead.
func (j *journal) write(do func()) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	select {
	case <-j.world.Dead():
		return errDead
	default:
	}
	do()
	j.writes++
	if j.diesAt > 0 && j.writes == j.diesAt {
		j.world.DieAfter(0, false)
	}
	return nil
}

func (j *journal) Accept(a Accepted) error {
	return j.write(func() { j.memory.Accepted = a })
}

func (j *journal) Previews(list []Preview) error {
	return j.write(func() { j.memory.Previews = append([]Preview{}, list...) })
}

func (j *journal) Record(r rollout.Record, s rollout.Standing) error {
	return j.write(func() {
		if j.memory.Records == nil {
			j.memory.Records, j.memory.Standings = map[string]rollout.Record{}, map[string]rollout.Standing{}
		}
		if !r.StartedAt.IsZero() {
			j.memory.Records[r.App] = r
		}
		j.memory.Standings[r.App] = s
		j.note(r)
	})
}

func (j *journal) Amend(app string, started time.Time, log string) error {
	return j.write(func() {
		for i := range j.history {
			if r := &j.history[i]; r.App == app && r.StartedAt.Equal(started) {
				r.Log = log
			}
		}
	})
}

// note keeps the newest state of each rollout, in the order of their starts.
func (j *journal) note(r rollout.Record) {
	for i := range j.history {
		if old := &j.history[i]; old.App == r.App && old.StartedAt.Equal(r.StartedAt) {
			*old = r
			return
		}
	}
	j.history = append(j.history, r)
}

func (j *journal) History(app string, n int) ([]rollout.Record, error) {
	var records []rollout.Record
	for _, r := range slices.Backward(j.history) {
		if r.App == app && len(records) < n {
			records = append(records, r)
		}
	}
	return records, nil
}

func (j *journal) Host(seen SeenHost) error {
	return j.write(func() {
		if j.memory.Hosts == nil {
			j.memory.Hosts = map[string]SeenHost{}
		}
		j.memory.Hosts[seen.Host.Name] = seen
	})
}

func (j *journal) Pin(host string, p *model.HostPin) error {
	return j.write(func() {
		if j.memory.Pins == nil {
			j.memory.Pins = map[string]model.HostPin{}
		}
		delete(j.memory.Pins, host)
		if p != nil {
			j.memory.Pins[host] = *p
		}
	})
}

func (j *journal) Forget(app string) error {
	return j.write(func() {
		delete(j.memory.Records, app)
		delete(j.memory.Standings, app)
		delete(j.memory.Placed, app)
	})
}

func (j *journal) Place(app string, hosts map[string]string) error {
	return j.write(func() {
		if j.memory.Placed == nil {
			j.memory.Placed = Placements{}
		}
		j.memory.Placed[app] = maps.Clone(hosts)
	})
}

func (j *journal) Guard(app string, said map[string]model.Guard) error {
	return j.write(func() {
		if j.memory.Guards == nil {
			j.memory.Guards = model.Guards{}
		}
		j.memory.Guards[app] = maps.Clone(said)
		if len(said) == 0 {
			delete(j.memory.Guards, app)
		}
	})
}

func (j *journal) Event(e Event) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.forgetful {
		j.events = append(j.events, e)
	}
	return nil
}
