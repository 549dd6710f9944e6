package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tallyman-io/tallyman/git"
	"github.com/tallyman-io/tallyman/internal/forge"
	"github.com/tallyman-io/tallyman/internal/pulls"
	"github.com/tallyman-io/tallyman/reconcile"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/report"
)

// previews has the controller run the pull requests that have an app's label. What
// can't be fetched of one is no reason to end what runs of it.
func (w *forgeWork) previews(ctx context.Context, open []forge.PullRequest) error {
	rules := w.controller.PreviewRules()
	if len(rules) == 0 {
		return nil // the controller knows by itself what becomes of those that run
	}
	known := w.controller.Previews()
	var list []reconcile.Preview
	var failed []error
	for _, pr := range open {
		for app, rule := range rules {
			if !slices.Contains(pr.Labels, rule.Label) {
				continue
			}
			p, err := w.preview(ctx, pr, known, app)
			if err != nil {
				failed = append(failed, err)
			}
			if p.Head == "" {
				continue
			}
			list = append(list, p)
		}
	}
	missed, err := w.missed(ctx, known, seen{open, rules})
	w.controller.SetPreviews(append(list, missed...))
	return errors.Join(append(failed, err)...)
}

// preview is a pull request as it is to run beside an app: at the commit of before
// where the new one can't be fetched, and with no commit where nothing of it ran yet.
func (w *forgeWork) preview(ctx context.Context, pr forge.PullRequest, known []reconcile.Preview, app string) (reconcile.Preview, error) {
	var before reconcile.Preview
	if i := slices.IndexFunc(known, func(k reconcile.Preview) bool { return k.App == app && k.Number == pr.Number }); i >= 0 {
		before = known[i]
	}
	there := func(k reconcile.Preview) bool { return k.Number == pr.Number && k.Head == pr.Head }
	if !slices.ContainsFunc(known, there) {
		if err := w.fetch(ctx, pr); err != nil {
			return before, err
		}
	}
	return reconcile.Preview{App: app, Number: pr.Number, Head: pr.Head, Title: pr.Title, Author: pr.Author, URL: pr.URL}, nil
}

// seen are the pull requests of a list, and the rules by which they run.
type seen struct {
	open  []forge.PullRequest
	rules map[string]model.Previews
}

// missed are the previews that a list of pull requests has not and that are not over
// for that: one may slip through while the list is read page by page, and a preview
// that is over loses its volumes. Each is asked for by itself, and one of which
// nothing is heard, or not whether its labels count, is not over.
func (w *forgeWork) missed(ctx context.Context, known []reconcile.Preview, in seen) ([]reconcile.Preview, error) {
	var missed []reconcile.Preview
	var failed []error
	for _, p := range known {
		rule, wanted := in.rules[p.App]
		if !wanted || slices.ContainsFunc(in.open, func(pr forge.PullRequest) bool { return pr.Number == p.Number }) {
			continue
		}
		pr, err := w.forge.PullRequest(ctx, p.Number)
		if err != nil {
			failed = append(failed, fmt.Errorf("ask what has become of pull request %d: %w", p.Number, err))
		}
		if err != nil || w.goesOn(&pr, rule.Label) {
			missed = append(missed, p)
		}
	}
	return missed, errors.Join(failed...)
}

// goesOn says of a pull request what being in the list with the label does, or that
// nobody knows whether it has the label.
func (w *forgeWork) goesOn(pr *forge.PullRequest, label string) bool {
	if pr.State != forge.StateOpen || pr.Base != strings.TrimPrefix(w.global.branch, "refs/heads/") {
		return false
	}
	return pr.Unjudged != "" || slices.Contains(pr.Labels, label) && !pulls.Withheld(pr, w.flags.forkLabel)
}

// fetch makes the head of a pull request available to the controller.
func (w *forgeWork) fetch(ctx context.Context, pr forge.PullRequest) error {
	repo, err := git.Open(w.gitConfig(mirrorDir(w.global.stateDir)))
	if err != nil {
		return err
	}
	commit, err := repo.FetchRef(ctx, pr.HeadRef)
	if err == nil && commit.ID != pr.Head {
		err = errors.New("it was pushed to meanwhile")
	}
	if err != nil {
		return fmt.Errorf("fetch pull request %d: %w", pr.Number, err)
	}
	return nil
}

// previewTexts are what runs of pull requests, with an entry for each of which
// something may.
func (w *forgeWork) previewTexts() map[int]string {
	previews := w.controller.Previews()
	if len(previews) == 0 {
		return nil // a status takes long on a large fleet
	}
	status := w.controller.Status()
	texts := report.PreviewMarkdown(&status)
	for i := range previews {
		texts[previews[i].Number] += ""
	}
	return texts
}
