package report

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tallyman-io/tallyman/reconcile/plan"
)

// Find looks a thing up by the name that people use for it: an app (shop), a
// service (shop/web), a replica (shop/web-2) or a host (edge-1). An app and a
// host of one name are both found, the app first. Of services and replicas the
// app may be left out when only one fits.
func Find(s *Status, name string) ([]any, error) {
	full, err := fullName(s, name, slices.Concat(placesOf(s), workloadsOf(s)))
	if err != nil {
		return nil, orNothing(err, "no app, service, replica or host of that name; tallyman get lists them")
	}
	var found []any
	for i := range s.Apps {
		a := &s.Apps[i]
		if a.Name == full {
			found = append(found, a)
		}
		for j := range a.Services {
			found = append(found, findInService(&a.Services[j], full)...)
		}
		for j := range a.Jobs {
			if a.Jobs[j].Key() == full {
				found = append(found, &a.Jobs[j])
			}
		}
	}
	for i := range s.Hosts {
		if s.Hosts[i].Name == full {
			found = append(found, &s.Hosts[i])
		}
	}
	return found, nil
}

func findInService(v *Service, name string) []any {
	if v.Key() == name {
		return []any{v}
	}
	for i := range v.Replicas {
		if v.Replicas[i].Key() == name {
			return []any{&v.Replicas[i]}
		}
	}
	return nil
}

// Differing is all in which the live containers differ from what is asked for:
// the open changes, and what differs and is ignored.
func Differing(s *Status) []Change {
	all := slices.Concat(s.Changes, s.Ignored)
	slices.SortStableFunc(all, func(a, b Change) int { return plan.CompareKeys(a.Key, b.Key) })
	return all
}

// ChangesOf are those of an app, a service or a replica, also of one that is
// about to go and of which a change is all that is left. The app may be left out
// as for Find.
func ChangesOf(s *Status, name string) ([]Change, error) {
	names, all := slices.Concat(placesOf(s), workloadsOf(s)), Differing(s)
	for i := range all {
		names = append(names, namesOf(all[i].Key)...)
	}
	full, err := fullName(s, name, names)
	if err != nil {
		return nil, orNothing(err, "no app, service or replica of that name; tallyman get lists them")
	}
	var changes []Change
	for i := range all {
		if slices.Contains(namesOf(all[i].Key), full) {
			changes = append(changes, all[i])
		}
	}
	return changes, nil
}

// namesOf are the names under which a change is asked for.
func namesOf(k plan.Key) []string {
	if k.Service == "" {
		return []string{k.App}
	}
	return []string{k.App, k.App + "/" + k.Service, k.String()}
}

// FindReplica gives the replica of that name, or the first one of a service of
// that name that has a container. The app may be left out when only one fits.
func FindReplica(s *Status, name string) (Replica, error) {
	full, err := fullName(s, name, workloadsOf(s))
	if err != nil {
		return Replica{}, fmt.Errorf("find replica %q: %w", name, orNothing(err, "no such replica or service; `tallyman get replicas` lists them"))
	}
	for _, r := range Replicas(s) {
		if r.ID != "" && (r.Key() == full || r.App+"/"+r.Service == full) {
			return r, nil
		}
	}
	for _, j := range Jobs(s) {
		for _, r := range triesOf(&j) {
			if j.Key() == full || r.Key() == full {
				return r, nil
			}
		}
	}
	return Replica{}, fmt.Errorf("find replica %q: it has no container", name)
}

// placesOf are the names that have no app before them.
func placesOf(s *Status) []string {
	var names []string
	for i := range s.Apps {
		names = append(names, s.Apps[i].Name)
	}
	for i := range s.Hosts {
		names = append(names, s.Hosts[i].Name)
	}
	return names
}

// workloadsOf are the full names of services and replicas.
func workloadsOf(s *Status) []string {
	var names []string
	for _, v := range Services(s) {
		names = append(names, v.Key())
		for i := range v.Replicas {
			names = append(names, v.Replicas[i].Key())
		}
	}
	for _, j := range Jobs(s) {
		names = append(names, j.Key())
		for _, r := range triesOf(&j) {
			names = append(names, r.Key())
		}
	}
	return names
}

// FindJob gives the job of that name. The app may be left out when only one
// fits.
func FindJob(s *Status, name string) (Job, error) {
	all := Jobs(s)
	var names []string
	for i := range all {
		names = append(names, all[i].Key())
	}
	full, err := fullName(s, name, names)
	if err != nil {
		return Job{}, fmt.Errorf("find job %q: %w", name, orNothing(err, "no such job; `tallyman get jobs` lists them"))
	}
	return all[slices.Index(names, full)], nil
}

var errNoSuchName = errors.New("no such name")

// fullName is the one of the names that a person means who may leave out the
// app. A name that is there in full means that one, and no other; a preview is meant
// by its full name only.
func fullName(s *Status, name string, names []string) (string, error) {
	if slices.Contains(names, name) {
		return name, nil
	}
	var fits []string
	for _, full := range names {
		if app, local, _ := strings.Cut(full, "/"); local == name && name != "" && !s.isPreview(app) {
			fits = append(fits, full)
		}
	}
	slices.Sort(fits)
	switch fits = slices.Compact(fits); len(fits) {
	case 0:
		return "", errNoSuchName
	case 1:
		return fits[0], nil
	}
	last := len(fits) - 1
	return "", fmt.Errorf("could be %s or %s; name the app, too", strings.Join(fits[:last], ", "), fits[last])
}

// orNothing says in the words of whoever asked that there is no such name.
func orNothing(err error, words string) error {
	if errors.Is(err, errNoSuchName) {
		return errors.New(words)
	}
	return err
}

func (s *Status) isPreview(app string) bool {
	return slices.ContainsFunc(s.Apps, func(a App) bool { return a.Name == app && a.Preview != "" })
}
