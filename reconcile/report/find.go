package report

import (
	"fmt"
	"strings"
)

// Find looks a thing up by the name that people use for it: an app (shop), a
// service (shop/web), a replica (shop/web-2) or a host (edge-1). An app and a
// host of one name are both found, the app first.
func Find(s *Status, name string) []any {
	var found []any
	for i := range s.Apps {
		a := &s.Apps[i]
		if a.Name == name {
			found = append(found, a)
		}
		for j := range a.Services {
			found = append(found, findInService(&a.Services[j], name)...)
		}
	}
	for i := range s.Hosts {
		if s.Hosts[i].Name == name {
			found = append(found, &s.Hosts[i])
		}
	}
	return found
}

func findInService(v *Service, name string) []any {
	if v.App+"/"+v.Name == name {
		return []any{v}
	}
	for i := range v.Replicas {
		if v.Replicas[i].Key() == name {
			return []any{&v.Replicas[i]}
		}
	}
	return nil
}

// FindReplica gives the replica of that name, or the first one of a service of
// that name that has a container. The app may be left out when only one fits.
func FindReplica(s *Status, name string) (Replica, error) {
	var found []Replica
	for _, v := range Services(s) {
		for _, r := range v.Replicas {
			if matches(r.Key(), name) || matches(v.App+"/"+v.Name, name) && r.ID != "" {
				found = append(found, r)
			}
		}
	}
	if len(found) == 0 {
		return Replica{}, fmt.Errorf("find replica %q: no such replica or service; `tallyman get replicas` lists them", name)
	}
	for _, r := range found[1:] {
		if r.App != found[0].App || r.Service != found[0].Service {
			return Replica{}, fmt.Errorf("find replica %q: could be %s or %s; name the app, too", name, found[0].Key(), r.Key())
		}
	}
	if found[0].ID == "" {
		return Replica{}, fmt.Errorf("find replica %q: it has no container", name)
	}
	return found[0], nil
}

func matches(key, name string) bool {
	_, local, _ := strings.Cut(key, "/")
	return key == name || local == name
}
