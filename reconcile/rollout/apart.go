package rollout

import (
	"slices"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
)

// With onFailure: continue a service fails by itself: nothing more of it is
// begun, as when an app fails, and the app's others go on. The rollout is over
// when nothing more can come of it, and then it has failed. Which services have
// failed is in their courses, so that a next controller goes on the same way.

// apart says whether services fail by themselves.
func (r *roll) apart() bool { return r.app.OnFailure == model.OnFailureContinue }

// atFault says whether a service is what failed, or part of it.
func (r *roll) atFault(service string) bool {
	return r.record.Phase == Failed && r.record.Service == service || r.record.Courses[service].Failed != ""
}

// stoppedFor says why nothing new of the service is begun, or "".
func (r *roll) stoppedFor(s *service) string {
	if why := r.stopped(); why != "" || s.course.Failed == "" {
		return why
	}
	return "the service has failed, and the app's others go on"
}

// blame ends the rollout for a failure, or the services that have to do with it.
func (r *roll) blame(failure Record, concerned ...*service) {
	if r.record.Phase != Progressing {
		return // the first failure is what counts
	}
	if !r.apart() || len(concerned) == 0 {
		r.fail(failure)
		return
	}
	for _, s := range concerned {
		if s.course.Failed == "" {
			r.failService(s, failure)
		}
	}
}

// failService ends a service's part. The first failure is the rollout's.
func (r *roll) failService(s *service, failure Record) {
	s.course.Failed, s.course.Container = failure.Reason, failure.Container
	r.keepCourse(s)
	if r.record.Reason == "" {
		r.record.Reason, r.record.Service, r.record.Container, r.record.Host = failure.Reason, s.Name, failure.Container, failure.Host
	}
	for key := range r.in.Busy {
		if key.App == r.app.Name && key.Service == s.Name {
			r.out.Cancel = append(r.out.Cancel, key)
		}
	}
}

// endApart fails the rollout when a service has failed and no other can come
// further: all are where they should be, or wait for one that has failed.
func (r *roll) endApart() {
	failed := false
	for _, s := range r.services {
		switch {
		case s.course.Failed != "":
			failed = true
		case !s.settled && !r.lost(s, nil):
			return
		}
	}
	if failed && !r.watched() {
		r.fail(Record{Reason: r.record.Reason, Service: r.record.Service, Container: r.record.Container, Host: r.record.Host})
	}
}

// lost says whether the service waits for one that has failed, by way of others
// too.
func (r *roll) lost(s *service, seen []string) bool {
	return slices.ContainsFunc(r.services, func(other *service) bool {
		if other.settled || !slices.Contains(s.DependsOn, other.Name) || slices.Contains(seen, other.Name) {
			return false
		}
		return other.course.Failed != "" || r.lost(other, append(seen, s.Name))
	})
}

// using are the services that use a thing, on whatever host.
func (r *roll) using(key plan.Key) []*service {
	var using []*service
	for _, s := range r.services {
		if uses(s.Service, key) {
			using = append(using, s)
		}
	}
	return using
}

// unwanted says whether only services that have failed use a thing.
func (r *roll) unwanted(key plan.Key) bool {
	using := r.using(key)
	return len(using) > 0 && !slices.ContainsFunc(using, func(s *service) bool { return s.course.Failed == "" })
}
