package images

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/imagepolicy"
)

// bump is one service's next image.
type bump struct {
	policy   *manifest.ImagePolicy
	service  *manifest.Service
	from, to string // references
}

// trailer is what the commit is recognised by.
func (b *bump) trailer() string { return b.policy.Metadata.Name + " " + b.to }

// bumps are what the policies with an offer ask for.
func (r *round) bumps(ctx context.Context, offers map[string]offer) ([]bump, error) {
	if len(offers) == 0 {
		return nil, nil
	}
	past, err := r.past(ctx)
	if err != nil {
		return nil, err
	}
	var all []bump
	for _, p := range r.policies {
		o, ok := offers[p.Metadata.Name]
		if !ok {
			continue
		}
		held, err := past.held(p, o.rule)
		if err != nil {
			return nil, err
		}
		all = append(all, r.bumpsOf(ctx, p, o, held)...)
	}
	return all, nil
}

// bumpsOf are one policy's.
func (r *round) bumpsOf(ctx context.Context, p *manifest.ImagePolicy, o offer, held []imagepolicy.Version) []bump {
	var all []bump
	var next []string
	for _, s := range r.set.ServicesOf(p) {
		b := bump{policy: p, service: s, from: s.Spec.Image}
		var err error
		if b.to, err = r.next(ctx, &b, o, held); err != nil {
			r.asked[p] = err
		} else if b.to != "" {
			all, next = append(all, b), append(next, b.to)
		}
	}
	slices.Sort(next)
	r.fare(p).Next = slices.Compact(next)
	return all
}

// next is the reference to exchange a service's for, or "". One that was pinned to a
// digest stays pinned to one.
func (r *round) next(ctx context.Context, b *bump, o offer, held []imagepolicy.Version) (string, error) {
	_, current := imagepolicy.Split(b.from)
	next, found := o.rule.Choose(o.versions, current, held)
	if !found {
		return "", nil
	}
	if current.Digest != "" && next.Digest == "" {
		var err error
		if next.Digest, err = r.Registry.Resolve(ctx, next.Of(b.policy.Spec.Image), o.keys); err != nil {
			return "", err
		}
	}
	return next.Of(b.policy.Spec.Image), nil
}

// batch is what goes into one commit.
type batch struct {
	to    manifest.ImageCommit
	bumps []bump
	files map[string][]byte // within the folder of the manifests
	left  []left
}

// left is what only people can edit.
type left struct {
	bump
	err error
}

// batches are the bumps by where they go, edited into the files of the tree. What
// only people can edit is left out and said.
func batches(bumps []bump, tree fs.FS) []*batch {
	var all []*batch
	for _, b := range bumps {
		i := slices.IndexFunc(all, func(a *batch) bool { return a.to == b.policy.Spec.Commit })
		if i < 0 {
			i = len(all)
			all = append(all, &batch{to: b.policy.Spec.Commit, files: map[string][]byte{}})
		}
		if err := all[i].add(b, tree); err != nil {
			all[i].left = append(all[i].left, left{b, fmt.Errorf("edit image of service %q in %s: %w", b.service.Metadata.Name, b.service.File, err)})
		}
	}
	return all
}

// add edits one file. The lines stay where they are, so the next document of the
// same file is found by its own.
func (a *batch) add(b bump, tree fs.FS) error {
	file := b.service.File
	content, edited := a.files[file]
	if !edited {
		var err error
		if content, err = fs.ReadFile(tree, file); err != nil {
			return err
		}
	}
	after, err := manifest.SpecField{Key: "image", Value: b.to, Text: true}.SetIn(content, b.service.Line)
	if err != nil {
		return err
	}
	a.files[file], a.bumps = after, append(a.bumps, b)
	return nil
}

// policies are those that it is for; one may be there twice.
func (a *batch) policies() []*manifest.ImagePolicy {
	var all []*manifest.ImagePolicy
	for _, b := range a.bumps {
		all = append(all, b.policy)
	}
	return all
}

// subject is the first line of the commit.
func (a *batch) subject() string {
	refs := map[string]bool{}
	for _, b := range a.bumps {
		refs[b.to] = true
	}
	if len(refs) > 1 {
		return fmt.Sprintf("Bump %d images", len(refs))
	}
	image, v := imagepolicy.Split(a.bumps[0].to)
	if v.Digest != "" {
		v.Digest = v.Digest[:min(len(v.Digest), len("sha256:")+12)]
	}
	return "Bump " + image + " to " + strings.TrimPrefix(v.Of(""), ":")
}

// message is the commit's.
func (a *batch) message() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s\n\n", a.subject())
	for _, b := range a.bumps {
		fmt.Fprintf(&text, "%s/%s:\n  from %s\n  to %s\n", b.service.App, b.service.Metadata.Name, b.from, b.to)
	}
	text.WriteByte('\n')
	for _, line := range a.trailers() {
		fmt.Fprintf(&text, "%s: %s\n", trailerKey, line)
	}
	return text.String()
}

// trailers are those of the bumps, each once, sorted.
func (a *batch) trailers() []string {
	var lines []string
	for _, b := range a.bumps {
		lines = append(lines, b.trailer())
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}
