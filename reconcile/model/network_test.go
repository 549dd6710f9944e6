package model

import (
	"slices"
	"testing"
	"time"
)

func TestOfNetworksOfOneNameTheFirstIsTheOneThatStays(t *testing.T) {
	old, young := time.Unix(1, 0), time.Unix(2, 0)
	want := []NetworkState{
		{ID: "z", Name: "a", CreatedAt: young},
		{ID: "y", Name: "b", CreatedAt: young, InUse: true},
		{ID: "x", Name: "b", CreatedAt: old},
		{ID: "v", Name: "b", CreatedAt: young},
		{ID: "w", Name: "b", CreatedAt: young},
	}
	for i := range want {
		h := HostState{Networks: append(slices.Clone(want[i:]), want[:i]...)}
		if got := h.NetworksNamed("b"); !slices.Equal(got, want[1:]) {
			t.Errorf("sorted as %v", got)
		}
		if got := h.NetworksNamed("c"); len(got) != 0 {
			t.Errorf("of no name there are %v", got)
		}
	}
}
