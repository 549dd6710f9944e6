package plan

import (
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// A second copy needs room beside the first one.
func TestStartFirstNeedsRoomForASecondCopy(t *testing.T) {
	for name, tc := range map[string]struct {
		order    string
		capacity int64
		want     string // the order, or in the end the plan's reason
	}{
		"auto, with room":        {model.OrderAuto, 200, model.OrderStartFirst},
		"auto, without":          {model.OrderAuto, 199, model.OrderStopFirst},
		"start-first, with room": {model.OrderStartFirst, 200, model.OrderStartFirst},
		"start-first, without":   {model.OrderStartFirst, 199, "update.order is start-first, and h1 has no room for a second copy beside the old one"},
		"stop-first, without":    {model.OrderStopFirst, 199, model.OrderStopFirst},
		"a host of unknown size": {model.OrderAuto, 0, model.OrderStartFirst},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld("h1")
			w.host("h1").Info.Memory = tc.capacity
			web := service("web", "web:1", 1)
			web.Update.Order, web.Reserve.Memory = tc.order, 100
			w.declare(web)
			if err := w.settle(); err != nil {
				t.Fatal(err)
			}
			web.Container.Image = "web:2"
			w.declare(web)
			p := w.plan()
			c := p.Changes[len(p.Changes)-1]
			got := orderOf(&c)
			if c.Verdict == Blocked {
				got = c.Reasons[0]
			}
			if !strings.HasPrefix(got, tc.want) {
				t.Errorf("%s, want %s\n%s", got, tc.want, p.String())
			}
		})
	}
}

// orderOf is the order that a change's steps keep to.
func orderOf(c *Change) string {
	for _, step := range c.Steps {
		if _, stop := step.Op.(model.StopContainer); stop && step.After == Now {
			return model.OrderStopFirst
		}
	}
	return model.OrderStartFirst
}

// Once the second copy runs it has its room: the old one is not stopped before it
// is healthy.
func TestAnOldCopyIsKeptForOneThatRunsAlready(t *testing.T) {
	w := newWorld("h1")
	web := service("web", "web:1", 1)
	web.Reserve.Memory = 100
	w.declare(web)
	if err := w.settle(); err != nil {
		t.Fatal(err)
	}
	web.Container.Image = "web:2"
	w.declare(web)
	p := w.plan()
	for _, op := range p.Ops() {
		if _, ends := op.(model.StopContainer); ends {
			break
		}
		if err := w.do(op); err != nil {
			t.Fatal(err)
		}
	}
	w.host("h1").Info.Memory = 150
	p = w.plan()
	if text := p.String(); !strings.Contains(text, "stop shop-web-1-") || strings.Count(text, "when healthy") != 2 {
		t.Errorf("the old copy is not kept until the new one is healthy:\n%s", text)
	}
}

func TestDisplacementsAreToldOnBothSides(t *testing.T) {
	w := newWorld("h1", "h2")
	w.host("h1").Info.Memory, w.host("h2").Info.Memory = 100, 50
	low := service("low", "web:1", 1)
	low.Reserve.Memory = 40
	w.desired.Apps = append(w.desired.Apps, model.App{Name: "bank", Sync: model.DefaultSync()})
	w.declare(low)
	if err := w.settle(); err != nil {
		t.Fatal(err)
	}
	high := service("high", "web:1", 1)
	high.App, high.Reserve.Memory, high.Priority = "bank", 90, 9
	w.declare(low, high)
	p := w.plan()
	text := p.String()
	for _, want := range []string{
		"create bank/high-1 on h1: missing; displaces shop/low-1 (priority 0 below 9)\n",
		`replace shop/low-1 on h2: moves from host "h1"; makes room on h1 for bank/high-1 (priority 9 over 0)` + "\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}

	w.host("h2").Info.Memory = 30
	p = w.plan()
	text = p.String()
	want := "blocked shop/low-1: makes room on h1 for bank/high-1 (priority 9 over 0); no host for low-1: 2 of 2 lack 40B (best: h2 has 30B)\n  stop shop-low-1-"
	if !strings.Contains(text, want) {
		t.Errorf("no %q in\n%s", want, text)
	}
}
