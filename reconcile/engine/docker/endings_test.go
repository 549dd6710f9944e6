package docker

import (
	"testing"

	"github.com/docker/docker/api/types/events"
)

func TestAnEndIsRememberedUntilTheContainerIsGone(t *testing.T) {
	var e endings
	tell := func(action events.Action, code string) {
		e.note(events.Message{Type: events.ContainerEventType, Action: action, Actor: events.Actor{ID: "a", Attributes: map[string]string{"exitCode": code}}})
	}
	for _, step := range []struct {
		action events.Action
		code   string
		want   int
	}{
		{events.ActionStart, "", 0}, {events.ActionDie, "3", 3}, {events.ActionStart, "", 3}, {events.ActionDie, "?", 3},
		{events.ActionDie, "0", 0}, {events.ActionDie, "137", 137}, {events.ActionDestroy, "", 0},
	} {
		tell(step.action, step.code)
		if got := e.code("a"); got != step.want || e.code("b") != 0 {
			t.Errorf("after %s %s: code %d, want %d", step.action, step.code, got, step.want)
		}
	}
}
