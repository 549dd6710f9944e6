package edit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/tallyman-io/tallyman/git"
	"github.com/tallyman-io/tallyman/internal/suggest"
	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/policy"
)

// Host changes what a Host manifest says of whether replicas may be there.
type Host struct {
	Repository *git.Repository
	Loader     *manifest.Loader
	Path       string // of the manifests within the repository
	Name       string
	Want       Wanted
	Verb       string // what is done to it, as the message begins: Drain
	By         git.Signature
	Reason     string
	// MadeUp are hosts of a simulation, of which there are no manifests.
	MadeUp []string
}

// Wanted is what a Host manifest is to say; nil leaves a field as it is.
type Wanted struct{ Schedulable, Drain *bool }

// fields are those that a manifest does not say yet.
func (w Wanted) fields(spec *manifest.HostSpec) []manifest.SpecField {
	var out []manifest.SpecField
	for _, f := range []struct {
		key      string
		is       bool
		isWanted *bool
		without  bool // what it is where the manifest does not say
	}{{"schedulable", spec.Schedulable, w.Schedulable, true}, {"drain", spec.Drain, w.Drain, false}} {
		if f.isWanted != nil && *f.isWanted != f.is {
			out = append(out, manifest.SpecField{Key: f.key, Value: fmt.Sprint(*f.isWanted), Default: *f.isWanted == f.without})
		}
	}
	return out
}

// hostEdit is the edit of one head of the branch.
type hostEdit struct {
	file          string // within the repository
	before, after []byte
	fields        []manifest.SpecField
}

// Run commits and pushes. What the branch would be then is looked over first.
// git.ErrNothingToCommit says that the manifest says so already.
func (h *Host) Run(ctx context.Context) (git.Commit, error) {
	head, err := h.Repository.Fetch(ctx)
	if err != nil {
		return git.Commit{}, err
	}
	tree, err := h.Repository.Tree(head.ID, h.Path)
	if err != nil {
		return git.Commit{}, err
	}
	first, err := h.prepare(tree)
	if err != nil {
		return git.Commit{}, h.fail(err)
	}
	options := git.EditOptions{Author: h.By, Message: h.message(first.fields)}
	c, err := h.Repository.Edit(ctx, options, h.change)
	if errors.Is(err, git.ErrPushDenied) || errors.Is(err, git.ErrDirty) {
		err = &DeniedError{err, h.Repository.PatchCommands(options, git.Patch{Path: first.file, Before: first.before, After: first.after})}
	}
	return c, err
}

func (h *Host) fail(err error) error {
	return fmt.Errorf("%s host %q: %w", strings.ToLower(h.Verb), h.Name, err)
}

// change makes the edit in a draft, of whatever head it is.
func (h *Host) change(d *git.Draft) error {
	tree, err := d.Tree(h.Path)
	if err != nil {
		return err
	}
	e, err := h.prepare(tree)
	if err != nil {
		return h.fail(err)
	}
	if err := d.WriteFile(e.file, e.after); err != nil {
		return err
	}
	if tree, err = d.Tree(h.Path); err != nil {
		return err
	}
	set, err := h.Loader.Load(tree)
	if err == nil {
		err = policy.Hold(set)
	}
	if err != nil {
		return h.fail(fmt.Errorf("the branch would not be valid then: %w", err))
	}
	return nil
}

func (h *Host) prepare(tree fs.FS) (hostEdit, error) {
	set, err := h.Loader.Load(tree)
	if err != nil {
		return hostEdit{}, fmt.Errorf("the branch is not valid; mend it first, or do without a commit by --pin: %w", err)
	}
	m, err := h.find(set)
	if err != nil {
		return hostEdit{}, err
	}
	e := hostEdit{file: path.Join(h.Path, m.File), fields: h.Want.fields(&m.Spec)}
	if len(e.fields) == 0 {
		return e, git.ErrNothingToCommit
	}
	if e.before, err = fs.ReadFile(tree, m.File); err != nil {
		return e, err
	}
	e.after = e.before
	line := m.Line
	for _, f := range e.fields { // none of them moves the document's first line
		if e.after, err = f.SetIn(e.after, line); err != nil {
			return e, fmt.Errorf("edit %s: %w", e.file, err)
		}
	}
	return e, nil
}

func (h *Host) find(set *manifest.Set) (*manifest.Host, error) {
	var names []string
	for _, m := range set.Hosts {
		if m.Metadata.Name == h.Name {
			return m, nil
		}
		names = append(names, m.Metadata.Name)
	}
	if slices.Contains(h.MadeUp, h.Name) {
		return nil, errors.New("it is made up by serve --simulate, so there is no manifest to edit; do without a commit by --pin")
	}
	if len(names) == 0 {
		return nil, errors.New("no manifest declares a host, so there is none to edit: the local engine stands in; commit a Host manifest with its endpoint, or do without a commit by --pin")
	}
	return nil, errors.New("there is no such host" + suggest.Among(h.Name, names))
}

func (h *Host) message(fields []manifest.SpecField) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s host %s\n\n", h.Verb, h.Name)
	for _, f := range fields {
		fmt.Fprintf(&text, "spec.%s: %s\n", f.Key, f.Value)
	}
	fmt.Fprintf(&text, "\nAsked for by %s", h.By.Name)
	if h.Reason != "" {
		fmt.Fprintf(&text, ": %s", h.Reason)
	}
	return text.String()
}
