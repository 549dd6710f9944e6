package report

import (
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
)

// folder carries one fold.
type folder struct {
	in         *Input
	hosts      map[string]*model.HostState
	containers map[string]*model.Container
	rooms      map[string]*model.Room
	declared   map[string]bool              // hosts that the manifests name
	services   map[[2]string]*model.Service // by app and service
	replicas   map[[2]string][]entry
	perHost    map[string]int
	dirty      map[string]*plan.Change // apps with something to do, and the first of it
}

// entry is a replica with the change that it was made from.
type entry struct {
	Replica
	change *plan.Change
}

func newFolder(in *Input) *folder {
	return &folder{
		in: in, hosts: map[string]*model.HostState{}, containers: map[string]*model.Container{},
		rooms: map[string]*model.Room{}, declared: map[string]bool{}, services: map[[2]string]*model.Service{}, replicas: map[[2]string][]entry{},
		perHost: map[string]int{}, dirty: map[string]*plan.Change{},
	}
}

func (f *folder) index() {
	for i := range f.in.Live.Hosts {
		h := &f.in.Live.Hosts[i]
		f.hosts[h.Name] = h
		for j := range h.Containers {
			if c := &h.Containers[j]; c.Owner.Owner == f.in.Desired.Owner {
				f.containers[c.ID] = c
			}
		}
	}
	for i := range f.in.Desired.Apps {
		for j := range f.in.Desired.Apps[i].Services {
			s := &f.in.Desired.Apps[i].Services[j]
			f.services[[2]string{s.App, s.Name}] = s
		}
	}
	for i := range f.in.Rooms {
		f.rooms[f.in.Rooms[i].Host] = &f.in.Rooms[i]
	}
	for i := range f.in.Desired.Hosts {
		f.declared[f.in.Desired.Hosts[i].Name] = true
	}
}
