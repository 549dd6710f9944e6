package model

import (
	"testing"
	"time"
)

var dawn = time.Date(2026, 1, 1, 6, 0, 0, 0, time.UTC)

// part is a container of a pod that was started so many seconds after dawn.
func part(role, member string, started int) Container {
	c := Container{ID: "id-" + member, Name: "pod-" + member, State: StateRunning, StartedAt: dawn.Add(time.Duration(started) * time.Second), Spec: &ContainerSpec{}}
	c.Owner = Ownership{Owner: "us", Name: c.Name, Pod: "pod-holder", Role: role, Member: member}
	if role != RoleHolder {
		c.Joined = "id-holder"
	}
	return c
}

func ours(c *Container) bool { return c.OwnedBy("us", nil) }

// wholePod has one of each, the init container ended.
func wholePod() []Container {
	init := part(RoleInit, "prepare", 2)
	init.State, init.FinishedAt = StateExited, dawn.Add(3*time.Second)
	return []Container{part(RoleMain, MainName, 5), init, part(RoleSidecar, "proxy", 4), part(RoleHolder, HolderName, 1)}
}

func folded(t *testing.T, parts []Container) *Container {
	t.Helper()
	h := FoldPods(HostState{Containers: parts}, ours)
	if len(h.Containers) != 1 {
		t.Fatalf("folded into %d containers", len(h.Containers))
	}
	again := FoldPods(h, ours)
	if Hash(again) != Hash(h) {
		t.Error("folded twice it is another one")
	}
	return &h.Containers[0]
}

func TestAPodIsAsGoodAsItsWorstContainer(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(parts []Container) // main, init, sidecar, holder
		state  State
		health Health
		blamed string
	}{
		"all run":                  {func([]Container) {}, StateRunning, HealthNone, ""},
		"healthy and unchecked":    {func(p []Container) { p[0].Health = HealthHealthy }, StateRunning, HealthHealthy, ""},
		"sidecar unhealthy":        {func(p []Container) { p[0].Health, p[2].Health = HealthHealthy, HealthUnhealthy }, StateRunning, HealthUnhealthy, "proxy"},
		"main starting":            {func(p []Container) { p[0].Health, p[2].Health = HealthStarting, HealthHealthy }, StateRunning, HealthStarting, ""},
		"main exited":              {func(p []Container) { p[0].State, p[0].ExitCode = StateExited, 3 }, StateExited, HealthNone, MainName},
		"sidecar restarting":       {func(p []Container) { p[2].State = StateRestarting }, StateRestarting, HealthNone, "proxy"},
		"holder exited":            {func(p []Container) { p[3].State = StateExited }, StateExited, HealthNone, HolderName},
		"main on a lost network":   {func(p []Container) { p[3].StartedAt = dawn.Add(time.Minute) }, StateRunning, HealthStarting, ""},
		"main not started":         {func(p []Container) { p[0].State, p[0].StartedAt = StateCreated, time.Time{} }, StateRunning, HealthStarting, ""},
		"init failed before main":  {func(p []Container) { p[0].State, p[0].StartedAt, p[1].ExitCode = StateCreated, time.Time{}, 4 }, StateExited, HealthNone, "prepare"},
		"init failed and main ran": {func(p []Container) { p[1].ExitCode = 4 }, StateRunning, HealthNone, ""},
	} {
		t.Run(name, func(t *testing.T) {
			parts := wholePod()
			tc.change(parts)
			c := folded(t, parts)
			if c.State != tc.state || c.Health != tc.health || c.Culprit != tc.blamed {
				t.Errorf("it is %s, health %q, because of %q; want %s, %q, %q", c.State, c.Health, c.Culprit, tc.state, tc.health, tc.blamed)
			}
			if c.ID != "id-holder" || c.Pod[0].Owner.Role != RoleHolder || c.Pod[3].Owner.Role != RoleMain {
				t.Errorf("it is %s, of %v", c.ID, c.Pod)
			}
			if !c.Running() {
				t.Error("something of it runs")
			}
		})
	}
}

func TestAPodIsAsOldAsItsYoungestContainer(t *testing.T) {
	parts := wholePod()
	parts[0].RestartCount, parts[1].RestartCount = 2, 7
	if c := folded(t, parts); !c.StartedAt.Equal(dawn.Add(5*time.Second)) || c.RestartCount != 2 {
		t.Errorf("started %s, restarted %d times", c.StartedAt, c.RestartCount)
	}
}

func TestWhatIsNotOfAPodStaysAsItIs(t *testing.T) {
	parts := wholePod()
	parts[0].Joined = "another-holder"   // of a holder that had the name before
	parts[2].Name = "copy-of-our-labels" // is not ours
	parts = append(parts, Container{ID: "plain", Name: "plain", Owner: Ownership{Owner: "us", Name: "plain"}})
	h := FoldPods(HostState{Containers: parts}, ours)
	var names []string
	for _, c := range h.Containers {
		names = append(names, c.Name)
	}
	if len(names) != 4 || names[0] != "pod-main" || names[1] != "copy-of-our-labels" || names[2] != "pod-holder" || len(h.Containers[2].Pod) != 2 {
		t.Errorf("folded into %v", names)
	}
	lost := FoldPods(HostState{Containers: wholePod()[:3]}, ours)
	if len(lost.Containers) != 3 {
		t.Errorf("without a holder there is no pod: %d containers", len(lost.Containers))
	}
}

func TestHolderAndMainShareTheSpecOut(t *testing.T) {
	s := Service{Container: ContainerSpec{
		Image: "web:1", Hostname: "web", Networks: []Attachment{{Network: "front"}}, Ports: []Port{{Container: 80}}, DNS: DNS{Servers: []string{"1.1.1.1"}},
		ExtraHosts: []ExtraHost{{"a", "1.2.3.4"}}, Sysctls: map[string]string{"net.core.somaxconn": "1"}, Mounts: []Mount{{Kind: MountVolume, Source: "data", Target: "/data"}},
	}}
	holder, main := s.Holder().Container, s.Main().Container
	parts := []Container{part(RoleHolder, HolderName, 1), part(RoleMain, MainName, 2)}
	parts[0].Spec, parts[1].Spec = &holder, &main
	if got := folded(t, parts).Spec; Hash(got) != Hash(s.Container) {
		t.Errorf("together they are %+v, not %+v", got, s.Container)
	}
	if main.Hostname != "" || main.Networks != nil || main.Ports != nil || holder.Mounts != nil {
		t.Errorf("each has too much: %+v, %+v", holder, main)
	}
}
