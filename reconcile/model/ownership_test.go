package model

import (
	"reflect"
	"strings"
	"testing"
)

func TestOwnershipSurvivesItsLabels(t *testing.T) {
	o := Ownership{Owner: "us", App: "shop", Service: "web", Job: "migrate", Run: "d1", Slot: "1", Fingerprint: "f", Revision: "r", Name: "shop-web-1-x", Pod: "shop-web-1-x", Role: RoleHolder, Member: HolderName, Preview: "42", Guard: Guard{Orphan: true, Protect: true}, Reserve: Resources{NanoCPUs: 25e7, Memory: 1 << 30}}
	v := reflect.ValueOf(o)
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Errorf("%s is not set in the test", v.Type().Field(i).Name)
		}
	}
	labels := o.Labels()
	if got := OwnershipFrom(labels); got != o {
		t.Errorf("went in as %+v, came out as %+v", o, got)
	}
	for key := range labels {
		if !ReservedLabel(key) {
			t.Errorf("users may set %s", key)
		}
	}
}

func TestWhatIsNotSetMakesNoLabel(t *testing.T) {
	labels := Ownership{Owner: "us", Name: "shop-data"}.Labels()
	if len(labels) != 2 || labels[LabelOwner] != "us" || labels[LabelName] != "shop-data" {
		t.Errorf("made %v", labels)
	}
	if got := OwnershipFrom(map[string]string{"com.example": "x"}); got != (Ownership{}) {
		t.Errorf("somebody's labels are read as %+v", got)
	}
}

func TestReservedLabel(t *testing.T) {
	for label, want := range map[string]bool{
		"tallyman.owner": true, "tallyman.": true, "tallyman.anything": true, LabelFiles: true,
		"tallyman": false, "tallymanx": false, "com.tallyman.owner": false, "": false,
	} {
		if got := ReservedLabel(label); got != want {
			t.Errorf("%q: %v", label, got)
		}
	}
}

func TestRunning(t *testing.T) {
	for state, want := range map[State]bool{
		StateRunning: true, StatePaused: true, StateRestarting: true,
		StateCreated: false, StateExited: false, StateDead: false, StateRemoving: false, "": false,
	} {
		if got := (&Container{State: state}).Running(); got != want {
			t.Errorf("%q: %v", state, got)
		}
	}
}

func TestHealthCheckEnabled(t *testing.T) {
	for name, tc := range map[string]struct {
		check *HealthCheck
		want  bool
	}{
		"none":     {nil, false},
		"no test":  {&HealthCheck{}, false},
		"disabled": {&HealthCheck{Test: []string{"NONE"}}, false},
		"command":  {&HealthCheck{Test: []string{"CMD", "true"}}, true},
	} {
		if got := tc.check.Enabled(); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestConstraintReadsAsItIsWritten(t *testing.T) {
	c := Constraint{Attribute: "host.labels.disk", Operator: "==", Value: "ssd"}
	if got := c.String(); !strings.EqualFold(got, "host.labels.disk == ssd") {
		t.Error(got)
	}
}

func TestOwned(t *testing.T) {
	label := Ownership{Owner: "us", Name: "shop-web-1-x"}
	seen := func(id string) bool { return id == "id1" }
	for name, tc := range map[string]struct {
		c     Container
		known func(string) bool
		want  bool
	}{
		"ours":                            {Container{ID: "id1", Name: "shop-web-1-x", Owner: label}, nil, true},
		"no label":                        {Container{ID: "id1", Name: "shop-web-1-x"}, seen, false},
		"another owner's":                 {Container{ID: "id1", Name: "x", Owner: Ownership{Owner: "them", Name: "x"}}, seen, false},
		"a copy of our labels":            {Container{ID: "id2", Name: "copy", Owner: label}, seen, false},
		"renamed, once seen":              {Container{ID: "id1", Name: "renamed", Owner: label}, seen, true},
		"renamed, and nobody remembers":   {Container{ID: "id1", Name: "renamed", Owner: label}, nil, false},
		"our label without a name at all": {Container{ID: "id2", Name: "x", Owner: Ownership{Owner: "us"}}, seen, false},
	} {
		if got := tc.c.OwnedBy("us", tc.known); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if (&Container{Name: ""}).OwnedBy("", nil) {
		t.Error("without an owner everything is ours")
	}
}
