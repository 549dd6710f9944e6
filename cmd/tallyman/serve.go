package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/tallyman-io/tallyman/git"
	"github.com/tallyman-io/tallyman/internal/server"
	"github.com/tallyman-io/tallyman/internal/state"
	"github.com/tallyman-io/tallyman/reconcile"
)

const serveHelp = `Follow the branch and hold the hosts to it: roll out each commit, and put right
what breaks or is changed by hand. It logs to standard error.

A local repository is noticed at once, another one with the next poll. SIGTERM
or SIGINT lets the calls at work end and begins no more; a second one ends the
process at once, within two seconds whatever hangs. Both may happen at any
moment: the next start goes on from what it finds on the hosts.

The other verbs ask the controller when they are given the same --repo and
--path, or the same --state-dir.

    $ tallyman serve --repo https://git.example.com/ops/fleet.git --poll 30s

EXIT STATUS
  0  ended by a signal
  1  could not begin, or could not go on, or hung when the second signal came`

type serveOptions struct {
	poll, stopTimeout time.Duration
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
	return c
}

func (a *app) serve(o serveOptions) error {
	log := a.logger(slog.LevelInfo)
	journal, err := a.journal(log)
	if err != nil {
		return err
	}
	c, err := a.newController(o, journal, log)
	if err != nil {
		return errors.Join(err, journal.Close())
	}
	err = a.runController(o, &server.Server{Controller: c, Journal: journal, Log: log, Source: a.global.source()})
	log.Info("stopped")
	return errors.Join(err, journal.Close())
}

func (a *app) newController(o serveOptions, journal *state.Store, log *slog.Logger) (*reconcile.Controller, error) {
	cfg := a.gitConfig(mirrorDir(a.global.stateDir))
	cfg.Poll = o.poll
	repo, err := git.Open(cfg)
	if err != nil {
		return nil, err
	}
	log.Info("following", "repository", repo.String(), "branch", a.global.branch, "path", a.global.path,
		"owner", a.global.owner, "state", a.global.stateDir, "pid", os.Getpid())
	return reconcile.New(reconcile.Config{
		Source: repo, Limits: a.global.limits.manifest(), Path: a.global.path, Owner: a.global.owner, Open: a.openHost, Registries: a.registries(), Journal: journal,
		Secrets: a.secrets(), Log: log,
	})
}

// runController runs the controller and answers for it until a signal comes.
func (a *app) runController(o serveOptions, s *server.Server) error {
	listener, err := server.Listen(a.global.stateDir)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(a.soft)
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

// journal opens the journal to write in it.
func (a *app) journal(log *slog.Logger) (*state.Store, error) {
	journal, err := state.Open(a.global.stateDir, log)
	if err == nil {
		journal.KeepHistory(a.global.history)
	}
	return journal, err
}
