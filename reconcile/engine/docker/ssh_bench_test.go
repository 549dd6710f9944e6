package docker_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/internal/dockertest"
	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// BenchmarkOverSSH does the same on one engine over its socket and over ssh, in
// turn, so that both see the same machine: a pass that lists 100 containers, a
// resync that inspects each, and a container made, started and removed.
func BenchmarkOverSSH(b *testing.B) {
	machine, sshd := overSSH(b)
	dockertest.Load(b, []*dockertest.Host{machine}, testImage)
	part := machine.Part(b)
	near := hostOn(b, part, model.Host{Endpoint: machine.Socket})
	far := hostOn(b, part, model.Host{Endpoint: sshd.Endpoint("root"), SSH: sshd.Files})
	for i := range 100 {
		near.create(fmt.Sprint("c", i), model.ContainerSpec{})
	}
	near.watch() // else every pass asks for networks and volumes too
	far.watch()
	near.observe(engine.Query{})
	far.observe(engine.Query{})
	for name, do := range map[string]func(h *host){
		"list":   func(h *host) { h.observe(engine.Query{}) },
		"resync": func(h *host) { h.observe(engine.Query{Resync: true}) },
		"start": func(h *host) {
			t := h.start("started", model.ContainerSpec{})
			h.do(model.StopContainer{Target: t}, model.RemoveContainer{Target: t})
		},
	} {
		b.Run(name, func(b *testing.B) {
			near.t, far.t = b, b
			overSocket, overSSH := time.Hour, time.Hour // the best of each: what else the machine does only adds
			for b.Loop() {
				overSocket = min(overSocket, timed(func() { do(near) }))
				overSSH = min(overSSH, timed(func() { do(far) }))
			}
			b.ReportMetric(overSocket.Seconds()*1000, "ms/socket")
			b.ReportMetric(overSSH.Seconds()*1000, "ms/ssh")
			b.ReportMetric(overSSH.Seconds()/overSocket.Seconds(), "ratio")
		})
	}
}

func timed(do func()) time.Duration {
	begun := time.Now()
	do()
	return time.Since(begun)
}
