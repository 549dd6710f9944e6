package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/tallyman-io/tallyman/internal/server"
	"github.com/tallyman-io/tallyman/internal/simulated"
	"github.com/tallyman-io/tallyman/internal/state"
	"github.com/tallyman-io/tallyman/reconcile"
	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// hosts are what a controller works on: real ones or simulated ones. What a
// simulation has of its own is here, so that it gets nothing of the other.
type hosts struct {
	open       func(model.Host) (engine.Engine, error)
	registries reconcile.Registries
	journal    func(*slog.Logger) (*state.Store, error)
	madeUp     []model.Host
	simulated  string // what status says of them
}

func (a *app) hosts(simulate string) (hosts, error) {
	if simulate == "" {
		return hosts{open: a.openHost, registries: a.registries(), journal: a.journal}, nil
	}
	spec, err := simulated.Parse(simulate)
	if err != nil {
		return hosts{}, fmt.Errorf("read --simulate: %w", err)
	}
	if a.global.defaultDir {
		a.global.stateDir += simulated.Suffix
	}
	fleet := simulated.New(spec)
	what := fmt.Sprintf("these hosts are made up (--simulate %s), and so is all that runs on them", simulate)
	return hosts{open: fleet.Open, registries: simulated.Registry{}, journal: a.simulatedJournal, madeUp: spec.MadeUp(), simulated: what}, nil
}

// simulatedJournal begins a journal anew: what the last one remembers is of hosts
// that have gone with their process.
func (a *app) simulatedJournal(log *slog.Logger) (*state.Store, error) {
	if err := simulated.Claim(a.global.stateDir); err != nil {
		return nil, err
	}
	log.Warn("simulated: nothing of Docker is touched, and nothing of this is kept", "ask it with", "--state-dir "+a.global.stateDir)
	journal, err := a.openJournal(log)
	if err != nil {
		return nil, err
	}
	return journal, journal.Clear()
}

func errSimulation(dir string) error {
	return fmt.Errorf("state directory %q is a simulation's, and none runs there; name another one with --state-dir, or start tallyman serve --simulate on it", dir)
}

// madeUp are the hosts that a running simulation has beside those of manifests.
func (a *app) madeUp(ctx context.Context) []string {
	w := a.newWorld()
	defer w.close()
	if !simulated.Is(a.global.stateDir) || w.remember(ctx, a) != nil {
		return nil // what can't be known is found out by whoever needs it
	}
	var names []string
	for i := range w.madeUp {
		names = append(names, w.madeUp[i].Name)
	}
	return names
}

// borrow takes over what a simulation's controller sees: nobody else can look at
// its hosts.
func (w *world) borrow(ctx context.Context, c *server.Client, spec string) error {
	s, err := simulated.Parse(spec)
	if err != nil {
		return fmt.Errorf("ask the controller: what does it simulate: %w", err)
	}
	live, err := c.Observed(ctx)
	if err != nil {
		return err
	}
	w.registries, w.madeUp, w.borrowed = simulated.Registry{}, s.MadeUp(), &live
	return nil
}
