package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/tallyman-io/tallyman/git"
	"github.com/tallyman-io/tallyman/internal/notify"
	"github.com/tallyman-io/tallyman/internal/server"
	"github.com/tallyman-io/tallyman/internal/simulated"
	"github.com/tallyman-io/tallyman/internal/state"
	"github.com/tallyman-io/tallyman/reconcile"
)

const serveHelp = `Follow the branch and hold the hosts to it: roll out each commit, and put right
what breaks or is changed by hand. Where ImagePolicy manifests say so, commit
newer images, or ask for them on the forge. It logs to standard error.

A local repository is noticed at once, another one with the next poll; one that
can't be reached is tried again, and a local one has to be there. SIGTERM
or SIGINT lets the calls at work end and begins no more; a second one ends the
process at once, within two seconds whatever hangs. Both may happen at any
moment: the next start goes on from what it finds on the hosts.

The other verbs ask the controller when they are given the same --repo and
--path, or the same --state-dir.

With --simulate the hosts are simulated, for trying things out and for load:
those of the manifests and hosts=N more, named sim-1, sim-2 and so on; without
hosts= only those of the manifests. cpus, memory, labels=KEY=VALUE and zones=N
(host.labels.zone z1 to zN, in turn) say what they are like. They take the time
of real engines, every image can be had, everything becomes healthy, and nothing
of Docker is touched. The state directory is another one, OWNER-simulated, and
what was in it is forgotten at the start: name it to the other verbs.

    $ tallyman serve --repo https://git.example.com/ops/fleet.git --poll 30s
    $ tallyman serve --simulate hosts=1000,cpus=8,zones=5 --state-dir /tmp/sim
    $ tallyman status --state-dir /tmp/sim

EXIT STATUS
  0  ended by a signal
  1  could not begin, or could not go on, or hung when the second signal came`

type serveOptions struct {
	poll, stopTimeout time.Duration
	simulate          string
	forge             forgeFlags
	notify            notify.Options
}

func (a *app) serveCommand() *cobra.Command {
	var o serveOptions
	c := &cobra.Command{
		Use: "serve", Short: "Follow the branch and hold the hosts to it", Long: serveHelp, Args: args(cobra.NoArgs),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(*cobra.Command, []string) error { return a.serve(o) },
	}
	c.Flags().DurationVar(&o.poll, "poll", time.Minute, "time between two looks at the repository; negative is never")
	c.Flags().DurationVar(&o.stopTimeout, "stop-timeout", stopTime, "how long calls at work may take to end after a signal")
	c.Flags().StringVar(&o.simulate, "simulate", "", "run on simulated hosts, as in `hosts=1000,cpus=8,memory=32GiB`")
	o.forge.flags(c.Flags())
	notifyFlags(&o.notify, c.Flags())
	return c
}

func (a *app) serve(o serveOptions) error {
	log := a.logger(slog.LevelInfo)
	work, err := a.newForgeWork(&o.forge, o.simulate != "")
	if err != nil {
		return err
	}
	hosts, err := a.hosts(o.simulate)
	if err != nil {
		return err
	}
	journal, err := hosts.journal(log)
	if err != nil {
		return err
	}
	c, err := a.newController(o, hosts, reconcile.Config{Journal: journal, Log: log, Reverts: work.reverts()})
	if err != nil {
		return errors.Join(err, journal.Close())
	}
	source := a.global.source()
	source.Simulated = o.simulate
	work.controller, work.journal, work.log = c, journal, log
	work.warnOfReadable()
	err = a.runController(o, work, &server.Server{Controller: c, Journal: journal, Log: log, Source: source})
	log.Info("stopped")
	return errors.Join(err, journal.Close())
}

func (a *app) newController(o serveOptions, hosts hosts, cfg reconcile.Config) (*reconcile.Controller, error) {
	from := a.gitConfig(mirrorDir(a.global.stateDir))
	from.Poll = o.poll
	repo, err := git.Open(from)
	if err == nil {
		err = repo.Present()
	}
	if err != nil {
		return nil, err
	}
	cfg.Log.Info("following", "repository", repo.String(), "branch", a.global.branch, "path", a.global.path,
		"owner", a.global.owner, "state", a.global.stateDir, "pid", os.Getpid())
	cfg.Source, cfg.Limits, cfg.Path, cfg.Owner, cfg.Secrets = repo, a.global.limits.manifest(), a.global.path, a.global.owner, a.secrets()
	cfg.Signers = a.signers
	cfg.Open, cfg.Registries, cfg.MadeUp, cfg.Simulated = hosts.open, hosts.registries, hosts.madeUp, hosts.simulated
	return reconcile.New(cfg)
}

// runController runs the controller and answers for it until a signal comes.
func (a *app) runController(o serveOptions, work *forgeWork, s *server.Server) error {
	if err := work.begin(s); err != nil {
		return err
	}
	listener, err := server.Listen(a.global.stateDir)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(a.soft)
	var working sync.WaitGroup
	working.Go(func() { work.run(ctx) })
	if o.simulate == "" { // nobody is told of what ran nowhere
		notifier := notify.New(s.Controller, s.Journal, s.Log, o.notify)
		s.Notifications = notifier.Fare
		working.Go(func() { notifier.Run(ctx) })
	}
	defer working.Wait()
	defer stop()
	answered := make(chan error, 1)
	go func() {
		defer stop() // a controller that nobody can ask does not go on in secret
		answered <- s.Serve(ctx, listener)
	}()
	err = s.Controller.Run(ctx, within(a.hard, ctx, o.stopTimeout))
	stop()
	return errors.Join(err, <-answered)
}

// within ends with hard, and a while after soft has ended.
func within(hard, soft context.Context, while time.Duration) context.Context {
	ctx, cancel := context.WithCancel(hard)
	context.AfterFunc(soft, func() { time.AfterFunc(while, cancel) })
	return ctx
}

// logger writes what happens to standard error, without the fields that have
// nothing to say.
func (a *app) logger(level slog.Level) *slog.Logger {
	options := &slog.HandlerOptions{
		Level: level,
		ReplaceAttr: func(_ []string, attr slog.Attr) slog.Attr {
			if attr.Value.Kind() == slog.KindString && attr.Value.String() == "" {
				return slog.Attr{}
			}
			return attr
		},
	}
	if a.wantsJSON() {
		return slog.New(slog.NewJSONHandler(a.err, options))
	}
	return slog.New(slog.NewTextHandler(a.err, options))
}

// journal opens the journal of real hosts to write in it.
func (a *app) journal(log *slog.Logger) (*state.Store, error) {
	if simulated.Is(a.global.stateDir) {
		return nil, errSimulation(a.global.stateDir)
	}
	return a.openJournal(log)
}

func (a *app) openJournal(log *slog.Logger) (*state.Store, error) {
	journal, err := state.Open(a.global.stateDir, log)
	if err == nil {
		journal.KeepHistory(a.global.history)
	}
	return journal, err
}
