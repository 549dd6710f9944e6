package edit

import (
	"fmt"
	"maps"
	"slices"

	"github.com/tallyman-io/tallyman/git"
	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/policy"
)

// check looks over what is about to be committed.
func (b *restoration) check(d *git.Draft) error {
	set, err := b.load(d)
	if err != nil {
		return err
	}
	if err := policy.Hold(set); err != nil {
		return fmt.Errorf("the branch would break a policy then; use git revert, or mend it first: %w", err)
	}
	if !slices.ContainsFunc(set.Apps, func(a *manifest.App) bool { return a.Metadata.Name == b.App }) {
		return fmt.Errorf("the branch would have no app %q then", b.App)
	}
	before, after := b.neighbours(b.valid), b.neighbours(set)
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if !after[name] {
			return fmt.Errorf("the branch would not have %s any more then: use git revert", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if !before[name] {
			return fmt.Errorf("the branch would have %s then: use git revert", name)
		}
	}
	return nil
}

func (b *restoration) load(d *git.Draft) (*manifest.Set, error) {
	tree, err := d.Tree(b.Path)
	if err != nil {
		return nil, err
	}
	set, err := b.Loader.Load(tree)
	if err != nil {
		return nil, fmt.Errorf("the branch would not be valid then; use git revert, or mend it first: %w", err)
	}
	return set, nil
}

// neighbours are the other apps, and what belongs to none.
func (b *restoration) neighbours(set *manifest.Set) map[string]bool {
	names := map[string]bool{}
	for _, a := range set.Apps {
		if a.Metadata.Name != b.App {
			names[fmt.Sprintf("app %q", a.Metadata.Name)] = true
		}
	}
	for _, h := range set.Hosts {
		names[fmt.Sprintf("host %q", h.Metadata.Name)] = true
	}
	for _, f := range set.Fleets {
		names[fmt.Sprintf("fleet %q", f.Metadata.Name)] = true
	}
	for _, p := range set.Policies {
		names[fmt.Sprintf("policy %q", p.Metadata.Name)] = true
	}
	return names
}
