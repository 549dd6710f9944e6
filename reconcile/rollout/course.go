package rollout

import (
	"maps"
	"slices"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/plan"
)

// Course is how far a service has come in a rollout, as far as that can't be
// read off the containers: moments that a next controller has to know. A rollout
// that is complete has none.
type Course struct {
	// Ready is the most replicas that were as asked for and ready at one time,
	// and Last when it became so many; those that were it from the beginning
	// have no such moment. One that comes and goes is counted once, so that it
	// can't put off the deadline for ever.
	Ready int       `json:"ready"`
	Last  time.Time `json:"last,omitzero"`
	// Since is when the time without progress began. It is zero while the
	// service waits for something that is not its own fault.
	Since time.Time `json:"since,omitzero"`
	// Canary is since when all canaries have been ready, and Promoted when the
	// other replicas were allowed to follow them.
	Canary   time.Time `json:"canary,omitzero"`
	Promoted time.Time `json:"promoted,omitzero"`
	// Failed is why the service has failed where the app's others go on, and
	// Container the one at fault, when it was one container's.
	Failed    string `json:"failed,omitempty"`
	Container string `json:"container,omitempty"`
}

// follow notes how far the services have come.
func (r *roll) follow() {
	for _, s := range r.services {
		before, known := r.record.Courses[s.Name]
		r.advance(s, known)
		if known && s.course == before {
			continue
		}
		r.keepCourse(s)
	}
}

// keepCourse puts a service's course into the record.
func (r *roll) keepCourse(s *service) {
	r.record.Courses = maps.Clone(r.record.Courses) // the journal's copy shares it
	if r.record.Courses == nil {
		r.record.Courses = map[string]Course{}
	}
	r.record.Courses[s.Name] = s.course
}

// advance brings a service's course up to date. What is ready when the service
// is first looked at is no progress of this rollout.
func (r *roll) advance(s *service, known bool) {
	c := &s.course
	if ready := s.count(func(slot *slot) bool { return slot.phase == done || slot.phase == finishing }); ready > c.Ready {
		c.Ready = ready
		if known {
			c.Last, c.Since = r.in.Now, r.in.Now
		}
	}
	r.watchCanary(s)
	switch {
	case s.settled || s.course.Failed != "" || r.excused(s):
		c.Since = time.Time{}
	case c.Since.IsZero():
		c.Since = r.in.Now
	}
}

// excused says whether the service can't make progress for a reason of which
// its deadline must know nothing.
func (r *roll) excused(s *service) bool {
	return r.paused() != "" || r.waitsFor(s) != "" || r.waitsForJobs() != "" || r.fetching() || r.delayed(s) > 0 || s.waitsForPromotion()
}

// fetching says whether something that is missing is being got for the first
// time: that may take long, and has a deadline of its own.
func (r *roll) fetching() bool {
	return slices.ContainsFunc(r.missing(), func(key plan.Key) bool {
		_, busy := r.in.Busy[key]
		return busy && r.out.State.Attempts[key].Count <= 1
	})
}

// delayed is how much longer the service's next replica has to wait because one
// has become ready just now, if there is a next one.
func (r *roll) delayed(s *service) time.Duration {
	if r.record.Phase != Progressing || s.course.Last.IsZero() || s.Update.Delay == 0 {
		return 0
	}
	next := s.course.Last.Add(s.Update.Delay)
	if s.count(func(slot *slot) bool { return slot.old && (slot.phase == pending || slot.phase == mending) }) == 0 {
		return 0
	}
	return max(next.Sub(r.in.Now), 0)
}

// count is how many of the service's slots are so.
func (s *service) count(is func(*slot) bool) int {
	n := 0
	for _, slot := range s.slots {
		if is(slot) {
			n++
		}
	}
	return n
}
