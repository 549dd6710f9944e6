package place

import (
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// left is a container of a service that no manifest names any more.
func left(name string, memory int64) model.Container {
	c := container(as(web(1), "old", name, 0), "1", "x")
	c.Owner.Reserve.Memory = memory << 20
	return c
}

// What is to go takes its room while it runs: new replicas go where there is room
// now, and only where that is nowhere to where there will be.
func TestWhatIsToGoTakesItsRoom(t *testing.T) {
	hosts, live := sized(1000, 1000)
	put(&live, "a", left("aa", 700))
	r := run(hosts, live, reserving(web(3), 600))
	expect(t, r, "web-1@b web-2@a no web-3")
	if got, want := refusal(r), "2 of 2 lack 600MiB (best: a has 400MiB)"; got != want {
		t.Errorf("refused because %q, want %q", got, want)
	}
	if room := r.Rooms[0]; room.Reserved.Memory != 600<<20 {
		t.Errorf("of a %+v is set aside for those that stay", room)
	}

	live.Hosts[0].Containers[0].State = model.StateExited
	expect(t, run(hosts, live, reserving(web(2), 600)), "web-1@a web-2@b")
}

func TestASlotTooManyTakesItsRoom(t *testing.T) {
	hosts, live := sized(1000, 1000)
	s := reserving(web(1), 600)
	surplus := container(s, "2", "x")
	surplus.Owner.Reserve = s.Reserve
	put(&live, "a", surplus)
	put(&live, "b", container(s, "1", "x"))
	expect(t, run(hosts, live, s, reserving(as(web(1), "b", "db", 0), 500)), "db-1@a web-1@=b")
	expect(t, run(hosts, live, s, reserving(as(web(1), "b", "db", 0), 400)), "db-1@a web-1@=b")
}

func TestARunOfAJobThatIsGoneTakesItsRoom(t *testing.T) {
	hosts, live := sized(1000, 1000)
	try := model.Container{Name: "n", State: model.StateRunning, Owner: model.Ownership{Owner: "me", Name: "n", App: "shop", Job: "night", Run: "1", Slot: "1"}}
	try.Owner.Reserve.Memory = 600 << 20
	put(&live, "a", try)
	expect(t, run(hosts, live, reserving(web(1), 600)), "web-1@b")
}

func TestAGlobalServiceFollowsWhatIsToGo(t *testing.T) {
	hosts, live := sized(1000, 1000)
	put(&live, "a", left("aa", 700))
	agent := reserving(as(web(0), "sys", "agent", 0), 600)
	agent.Mode = model.ModeGlobal
	expect(t, run(hosts, live, agent), "agent-a@a agent-b@b")
}

// Room that is being given up costs nobody a place: that comes before sending away
// lower priorities.
func TestWhatIsToGoGoesBeforeLowerPriorities(t *testing.T) {
	hosts, live := sized(1000, 1000)
	low := reserving(as(web(1), "b", "low", 0), 700)
	put(&live, "a", left("aa", 700))
	put(&live, "b", container(low, "1", "x"))
	expect(t, run(hosts, live, low, reserving(as(web(1), "c", "high", 9), 600)), "low-1@=b high-1@a")
}

// A replica that was made and waits for the room stays there, and one that comes back
// finds its own room as it was.
func TestAMadeReplicaWaitsWhereItIs(t *testing.T) {
	hosts, live := sized(1000, 900)
	s := reserving(web(1), 950)
	made := container(s, "1", "x")
	made.State = model.StateCreated
	put(&live, "a", left("aa", 700), made)
	expect(t, run(hosts, live, s), "web-1@=a")

	back := reserving(as(web(1), "old", "aa", 0), 700)
	expect(t, run(hosts, live, s, back), "aa-1@=a no web-1")
}
