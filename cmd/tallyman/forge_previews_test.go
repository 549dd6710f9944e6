package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/internal/forge"
	"github.com/tallyman-io/tallyman/internal/forge/forgetest"
	"github.com/tallyman-io/tallyman/reconcile"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// TestWhatAListLeavesOutIsAskedFor: a preview ends when its pull request is known to
// be over, and not because a list does not have it.
func TestWhatAListLeavesOutIsAskedFor(t *testing.T) {
	stage := forgetest.GitHub(t)
	f, err := forge.Open(stage.Config())
	if err != nil {
		t.Fatal(err)
	}
	w := &forgeWork{app: &app{}, flags: &forgeFlags{forkLabel: "ok"}, forge: f}
	w.global.branch = "refs/heads/main"
	pull := func(branch, base string, labels ...string) int {
		stage.Branch(branch, map[string]string{branch: "a"})
		number := stage.Pull(branch, base, "Change "+branch)
		for _, label := range labels {
			stage.Label(number, label)
		}
		return number
	}
	open, closed, merged := pull("a", "main", "preview"), pull("b", "main", "preview"), pull("c", "main", "preview")
	unlabelled, elsewhere, listed := pull("d", "main"), pull("e", "other", "preview"), pull("f", "main", "preview")
	fork, _ := stage.ForkPull("g", "Strange")
	stage.Label(fork, "preview")
	stage.Close(closed)
	stage.Merge(merged)
	const unheard = 999
	var known []reconcile.Preview
	for _, number := range []int{open, closed, merged, unlabelled, elsewhere, listed, fork, unheard} {
		known = append(known, reconcile.Preview{App: "shop", Number: number, Head: "a1"})
	}
	known = append(known, reconcile.Preview{App: "blog", Number: open})
	in := seen{[]forge.PullRequest{{Number: listed}}, map[string]model.Previews{"shop": {Label: "preview"}}}
	missed, err := w.missed(t.Context(), known, in)
	if got, want := numbers(missed), fmt.Sprint([]int{open, unheard}); got != want {
		t.Errorf("%s go on, want %s: the one that is open and the one that can't be asked for", got, want)
	}
	if err == nil || !strings.Contains(err.Error(), "pull request 999") {
		t.Errorf("of what can't be asked for is said: %v", err)
	}
	w.forge = unjudged{f, []int{unlabelled, closed}}
	if missed, _ := w.missed(t.Context(), known, in); numbers(missed) != fmt.Sprint([]int{open, unlabelled, unheard}) {
		t.Errorf("%s go on, want the one too of which nobody can tell whether its label counts", numbers(missed))
	}
	w.forge = f
	stage.Label(fork, "ok")
	if missed, _ := w.missed(t.Context(), known, in); numbers(missed) != fmt.Sprint([]int{open, fork, unheard}) {
		t.Errorf("%s go on, want the stranger's too that was let in", numbers(missed))
	}
}

// unjudged is a forge where nobody can tell which labels of some pull requests count.
type unjudged struct {
	forge.Forge
	numbers []int
}

func (u unjudged) PullRequest(ctx context.Context, number int) (forge.PullRequest, error) {
	p, err := u.Forge.PullRequest(ctx, number)
	if slices.Contains(u.numbers, number) {
		p.Labels, p.Unjudged = nil, "judge the labels: the answer is larger than 16 MiB"
	}
	return p, err
}

func numbers(list []reconcile.Preview) string {
	var out []int
	for _, p := range list {
		out = append(out, p.Number)
	}
	return fmt.Sprint(out)
}
