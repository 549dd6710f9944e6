package simulated

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/tallyman-io/tallyman/reconcile"
	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/engine/sim"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/whatif"
)

// What a simulated machine has if nobody says.
const (
	defaultCPUs   = 4e9
	defaultMemory = 8 << 30
)

// Fleet is hosts that are made as they are asked for.
type Fleet struct {
	spec  Spec
	mu    sync.Mutex
	world *sim.World
}

// New makes a fleet without hosts.
func New(spec Spec) *Fleet {
	w := sim.NewWorld(1)
	w.Offer(image)
	w.KeepCalls(false)
	return &Fleet{spec: spec, world: w}
}

// MadeUp are the hosts that no manifest declares.
func (s Spec) MadeUp() []model.Host { return s.Hosts("sim", 1) }

// image is what a reference stands for: every one can be had.
func image(ref string) *sim.Image {
	return &sim.Image{Ref: ref, Pull: whatif.PullTime, Defaults: model.ImageDefaults{ID: "sha256:" + model.Hash(ref)}}
}

// Open gives the host of a name, which is the same one each time.
func (f *Fleet) Open(h model.Host) (engine.Engine, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if host := f.world.On(h.Name); host != nil {
		return host, nil
	}
	return f.world.Host(h.Name, sim.Info(f.info()), sim.Latency(pace())), nil
}

func (f *Fleet) info() model.HostInfo { return f.spec.engine() }

// engine is what an engine of a machine says of itself.
func (s Spec) engine() model.HostInfo {
	info := s.machine()
	info.Version, info.APIVersion, info.OS, info.Arch, info.LogDriver = "simulated", "1.41", "linux", "amd64", "json-file"
	return info
}

// Machine is what a host is taken for of which nobody knows what it has.
func Machine() model.HostInfo { return Spec{}.engine() }

// machine is what the hosts have.
func (s Spec) machine() model.HostInfo {
	return model.HostInfo{NanoCPUs: cmp.Or(s.info.NanoCPUs, defaultCPUs), Memory: cmp.Or(s.info.Memory, defaultMemory)}
}

// pace is how long a host's calls take. Pulls have a time of their own.
func pace() func(verb string) time.Duration {
	q := &whatif.Queue{} // the world's lock guards it
	return func(verb string) time.Duration {
		if verb == "pull" {
			return 0
		}
		return q.Takes(verb, time.Now())
	}
}

// Registry has every image, always the same one under one reference.
type Registry struct{}

// Digest is what a reference stands for.
func (Registry) Digest(_ context.Context, q reconcile.ImageQuestion) (string, error) {
	if q.Ref == "" {
		return "", fmt.Errorf("resolve image: it has no name")
	}
	return image(q.Ref).Digest(), nil
}

// Platforms are any.
func (Registry) Platforms(context.Context, reconcile.ImageQuestion) ([]string, error) {
	return nil, nil
}
