package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/desired"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/policy"
)

const validateHelp = `Check manifests and print every mistake with its place. Neither Docker nor a
controller nor the keys of secrets are needed, and nothing is changed: secrets
stay closed, so whether a key opens them is seen by plan and apply.

With DIR the files in that folder are checked as they are, committed or not.
Without, those of the branch that --repo, --branch and --path name. They are
held to the policies among them, but for rules about plans. What can be done and
is hardly meant is warned of.

    $ tallyman validate .
    service.yaml:5:3: spec.replica: unknown field (did you mean "replicas"?)

EXIT STATUS
  0  the manifests are good, with warnings or without
  1  they are not, or could not be read`

// validation is what -o json prints.
type validation struct {
	Valid     bool              `json:"valid"`
	Documents map[string]int    `json:"documents,omitempty"`
	Errors    []*manifest.Error `json:"errors,omitempty"`
	// Warnings are about what can be done and is hardly meant.
	Warnings []*manifest.Error `json:"warnings,omitempty"`
}

func (a *app) validateCommand() *cobra.Command {
	return &cobra.Command{
		Use: "validate [DIR]", Short: "Check manifests, without Docker", Long: validateHelp, Args: args(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error { return a.validate(c.Context(), args) },
	}
}

func (a *app) validate(ctx context.Context, args []string) error {
	tree, done, err := a.tree(ctx, args)
	if err != nil {
		return err
	}
	defer done()
	set, err := a.load(tree)
	var invalid manifest.Errors
	switch {
	case errors.As(err, &invalid):
		return a.printInvalid(invalid)
	case err != nil:
		return err
	case a.wantsJSON():
		return printJSON(a.out, validation{Valid: true, Documents: documents(set), Warnings: set.Doubts()})
	}
	for _, doubt := range set.Doubts() {
		a.warn("%v", doubt)
	}
	fmt.Fprintf(a.out, "valid: %s\n", countDocuments(set))
	if len(set.Secrets) > 0 {
		fmt.Fprintln(a.out, "secrets stay closed here: whether a key opens them, plan and apply tell")
	}
	return nil
}

// load reads the manifests, and holds them to the policies among them.
func (a *app) load(tree fs.FS) (*manifest.Set, error) {
	set, err := manifest.Load(tree, a.global.limits.manifest())
	if err != nil {
		return nil, err
	}
	if err := policy.Hold(set); err != nil {
		return nil, err
	}
	_, err = desired.Build(set, desired.Options{Owner: a.global.owner})
	return set, err
}

// tree is the folder, through a root that no link leads out of, or the
// branch's files.
func (a *app) tree(ctx context.Context, args []string) (tree fs.FS, done func(), err error) {
	if len(args) == 1 {
		return openFolder(args[0])
	}
	w := &world{}
	if err := w.open(ctx, a); err != nil {
		return nil, nil, err
	}
	commit, err := w.repo.Fetch(ctx)
	if err == nil {
		tree, err = w.repo.Tree(commit.ID, a.global.path)
	}
	if err != nil {
		w.close()
	}
	return tree, w.close, err
}

func openFolder(name string) (tree fs.FS, done func(), err error) {
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, fmt.Errorf("validate %q: there is no such folder", name)
	case err == nil && !info.IsDir():
		return nil, nil, fmt.Errorf("validate %q: is a file; name the folder that it is in, because manifests refer to each other", name)
	}
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, nil, fmt.Errorf("validate %q: %w", name, err)
	}
	return root.FS(), func() { _ = root.Close() }, nil
}

func (a *app) printInvalid(invalid manifest.Errors) error {
	if a.wantsJSON() {
		if err := printJSON(a.out, validation{Errors: invalid}); err != nil {
			return err
		}
		return exitCode(exitError)
	}
	fmt.Fprintln(a.err, invalid)
	return exitCode(exitError)
}

func documents(set *manifest.Set) map[string]int {
	return map[string]int{
		"Host": len(set.Hosts), "Fleet": len(set.Fleets), "Policy": len(set.Policies), "App": len(set.Apps), "Service": len(set.Services), "Job": len(set.Jobs),
		"Config": len(set.Configs), "Secret": len(set.Secrets), "Network": len(set.Networks), "Volume": len(set.Volumes),
		"ImagePolicy": len(set.ImagePolicies), "Notification": len(set.Notifications),
	}
}

func countDocuments(set *manifest.Set) string {
	counts := documents(set)
	var parts []string
	for _, kind := range manifest.Kinds() {
		if n, name := counts[kind.Name], inWords(kind.Name); n > 0 {
			parts = append(parts, model.Count(n, name, pluralOf(name)))
		}
	}
	return strings.Join(parts, ", ")
}

func inWords(kind string) string {
	if kind == manifest.KindImagePolicy {
		return "image policy"
	}
	return strings.ToLower(kind)
}

func pluralOf(kind string) string {
	if stem, ok := strings.CutSuffix(kind, "y"); ok {
		return stem + "ies"
	}
	return kind + "s"
}
