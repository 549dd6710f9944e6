package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tallyman-io/tallyman/git"
	"github.com/tallyman-io/tallyman/internal/forge"
	"github.com/tallyman-io/tallyman/reconcile"
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
			p := reconcile.Preview{App: app, Number: pr.Number, Head: pr.Head, Title: pr.Title, Author: pr.Author, URL: pr.URL}
			i := slices.IndexFunc(known, func(k reconcile.Preview) bool { return k.App == app && k.Number == pr.Number })
			if i < 0 || known[i].Head != pr.Head {
				if err := w.fetch(ctx, pr); err != nil {
					failed = append(failed, err)
					if i < 0 {
						continue
					}
					p = known[i]
				}
			}
			list = append(list, p)
		}
	}
	w.controller.SetPreviews(list)
	return errors.Join(failed...)
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

// previewTexts are what runs of pull requests.
func (w *forgeWork) previewTexts() map[int]string {
	if len(w.controller.Previews()) == 0 {
		return nil // a status takes long on a large fleet
	}
	status := w.controller.Status()
	return report.PreviewMarkdown(&status)
}
