package model

import "testing"

func TestAContainerTellsWhatItTakes(t *testing.T) {
	with := func(role string, memory int64) Container {
		return Container{Owner: Ownership{Role: role}, Spec: &ContainerSpec{Adjustable: Adjustable{MemoryReservation: memory}}}
	}
	labelled := Ownership{Reserve: Resources{NanoCPUs: 5e8, Memory: 10}}
	adjusted := with("", 30)
	adjusted.Owner = labelled
	pod := Container{Owner: labelled, Pod: []Container{
		{Owner: Ownership{Role: RoleHolder}}, with(RoleInit, 25), with(RoleSidecar, 8), with(RoleMain, 12),
	}}
	for name, test := range map[string]struct {
		c    Container
		want int64
	}{
		"not inspected":           {Container{Owner: labelled}, 10},
		"adjusted since":          {adjusted, 30},
		"an engine without limit": {Container{Owner: labelled, Spec: &ContainerSpec{}}, 10},
		"a pod":                   {pod, 25},
	} {
		if got := test.c.Reserve(); got.Memory != test.want || got.NanoCPUs != 5e8 {
			t.Errorf("%s: takes %+v, want %d of memory", name, got, test.want)
		}
	}
}
