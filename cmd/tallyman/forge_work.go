package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/tallyman-io/tallyman/git"
	"github.com/tallyman-io/tallyman/internal/feedback"
	"github.com/tallyman-io/tallyman/internal/forge"
	"github.com/tallyman-io/tallyman/internal/images"
	"github.com/tallyman-io/tallyman/internal/pulls"
	"github.com/tallyman-io/tallyman/internal/server"
	"github.com/tallyman-io/tallyman/internal/state"
	"github.com/tallyman-io/tallyman/internal/webhook"
	"github.com/tallyman-io/tallyman/reconcile"
	"github.com/tallyman-io/tallyman/reconcile/proposal"
)

// forgeWork is what a controller does with a forge beside all else.
type forgeWork struct {
	*app
	flags      *forgeFlags
	forge      forge.Forge     // nil when there is none
	repo       *git.Repository // for reverts; nil where there are to be none
	hook       *webhook.Handler
	listener   net.Listener
	images     *images.Loop      // nil when none are followed
	reverter   *feedback.Reverts // nil when there are to be no reverts
	at         forge.Config      // where the forge is
	statuses   *feedback.Statuses
	answers    *pulls.Loop
	controller *reconcile.Controller
	journal    *state.Store
	log        *slog.Logger
	simulated  bool
}

// newForgeWork opens what is needed for it, so that what is wrong is said at once.
func (a *app) newForgeWork(f *forgeFlags, simulated bool) (*forgeWork, error) {
	w := &forgeWork{app: a, flags: f, simulated: simulated}
	var err error
	if w.forge, err = a.forge(f); err != nil {
		return nil, err
	}
	if w.forge != nil && simulated {
		return nil, errors.New("--simulate can't be used with --forge: the forge would be told of commits that ran nowhere")
	}
	if err := w.openForReverts(simulated); err != nil {
		return nil, err
	}
	return w, w.listen()
}

// listen makes the webhook, if there is to be one.
func (w *forgeWork) listen() (err error) {
	f := &w.flags.webhook
	if f.listen == "" {
		if f.secretFile+f.cert+f.key != "" {
			return errors.New("--webhook-secret-file and its like need --webhook-listen")
		}
		return nil
	}
	if f.secretFile == "" {
		return errors.New("--webhook-listen needs --webhook-secret-file, a file with the secret that messages are signed with; make one with: openssl rand -hex 32")
	}
	config, err := w.hookConfig()
	if err != nil {
		return err
	}
	config.Refused = w.refused
	if w.hook, err = webhook.New(config); err != nil {
		return fmt.Errorf("--webhook-secret-file: %w", err)
	}
	if w.listener, err = net.Listen("tcp", f.listen); err != nil {
		return fmt.Errorf("listen for the forge: %w", err)
	}
	if f.cert == "" && f.key == "" {
		return nil
	}
	certificate, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return errors.Join(fmt.Errorf("read --webhook-tls-cert and --webhook-tls-key: %w", err), w.listener.Close())
	}
	w.listener = tls.NewListener(w.listener, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12})
	return nil
}

// hookConfig is whose messages are taken, and as what they may name the repository.
func (w *forgeWork) hookConfig() (webhook.Config, error) {
	c := webhook.Config{Kind: webhook.Generic, SecretFile: w.flags.webhook.secretFile, Repositories: []string{w.global.repo}}
	if w.forge != nil {
		at, err := w.forgeConfig(w.flags)
		c.Kind, c.Repositories = webhook.Kind(at.Kind), append(c.Repositories, at.Repository)
		return c, err
	}
	// Which kind of forge it is on nobody has said, so both ways of naming one count.
	for _, kind := range []forge.Kind{forge.Gitea, forge.GitLab} {
		if at, err := forge.Locate(w.global.repo, kind); err == nil {
			c.Repositories = append(c.Repositories, at.Repository)
		}
	}
	return c, nil
}

// begin makes what a status asks how it fares, before the controller runs.
func (w *forgeWork) begin(s *server.Server) error {
	if w.forge != nil {
		if err := w.openForge(); err != nil {
			return err
		}
		s.Forge = w.fare
	}
	if w.reverts() {
		w.reverter = w.newReverter()
		s.Reverted = w.reverter.Fare
	}
	if w.simulated { // nothing is committed for hosts that are made up
		return nil
	}
	var err error
	if w.images, err = w.imageLoop(); err == nil {
		s.ImagePolicies = w.images.Fare
	}
	return err
}

// refused tells of messages to the webhook that were not taken.
func (w *forgeWork) refused(r webhook.Refusal) {
	w.log.Warn("a message to the webhook was refused", "status", r.Status, "reason", r.Reason, "from", r.From, "more", r.More)
}

// branch is the followed one.
func (w *forgeWork) branch() string { return strings.TrimPrefix(w.global.branch, "refs/heads/") }

// run works until ctx ends.
func (w *forgeWork) run(ctx context.Context) {
	var all sync.WaitGroup
	defer all.Wait()
	hints := make(chan struct{}, 1)
	if w.hook != nil {
		all.Go(func() { w.hear(ctx) })
		all.Go(func() { w.heed(ctx, hints) })
	}
	if w.reverter != nil {
		all.Go(func() { w.reverter.Run(ctx) })
	}
	if w.images != nil {
		all.Go(func() { w.followImages(ctx) })
	}
	if w.forge == nil {
		return
	}
	all.Go(func() { w.statuses.Run(ctx) })
	changed, stop := w.controller.Subscribe()
	w.answers.Changed, w.answers.Hints = changed, hints
	all.Go(func() {
		defer stop()
		w.answers.Run(ctx)
	})
}

// hear serves the webhook.
func (w *forgeWork) hear(ctx context.Context) {
	server := webhook.Server(w.hook)
	server.ErrorLog = slog.NewLogLogger(w.log.Handler(), slog.LevelDebug)
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.Serve(w.listener); err != nil && !errors.Is(err, http.ErrServerClosed) {
		w.log.Error("the forge can't be heard any more, it is polled", "error", err)
	}
}

// heed looks where the forge says that there is something to see.
func (w *forgeWork) heed(ctx context.Context, hints chan<- struct{}) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.hook.Wake():
		}
		for _, hint := range w.hook.Take() {
			if hint.PullRequest == 0 || w.forge == nil { // nobody else looks without one
				w.controller.LookAtSource()
			}
			select {
			case hints <- struct{}{}:
			default: // a look is due already
			}
		}
	}
}

// base is the commit that the branch points to, and whether it is in force: a commit
// may come into force that was refused, as when a key has been brought.
func (w *forgeWork) base() string {
	target := w.controller.Target().ID
	if target != "" && w.controller.InForce() == "" {
		return target + ", refused"
	}
	return target
}

// propose asks as `plan --base --head` does, of this very controller.
func (w *forgeWork) propose(ctx context.Context, pr forge.PullRequest) (proposal.Proposal, error) {
	p, err := w.proposal(ctx, w.global.branch, pr.HeadRef)
	if p.Failure != "" {
		err = nil // that is the answer
	}
	return p, err
}

// keep lets go of what was fetched of pull requests that are no more.
func (w *forgeWork) keep(ctx context.Context, refs []string) error {
	repo, err := git.Open(w.gitConfig(mirrorDir(w.global.stateDir)))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return repo.KeepRefs(ctx, refs)
}
