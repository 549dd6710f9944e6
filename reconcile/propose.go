package reconcile

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/tallyman-io/tallyman/git"
	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/desired"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/proposal"
	"github.com/tallyman-io/tallyman/reconcile/whatif"
)

// Ground is what a proposal is made against: the base, read with all that the
// installation has.
type Ground struct {
	reading
	commit git.Commit
}

// ReadGround reads the base of a proposal. Without Secrets in the options its
// secrets stay closed, without Registries its images are as declared. A base may
// have no manifests yet, and then have no tree either.
func ReadGround(ctx context.Context, tree fs.FS, loader *manifest.Loader, o BuildOptions) (*Ground, error) {
	if o.Secrets == nil {
		o.Secrets = closed{}
	}
	if tree == nil {
		return emptyGround(o)
	}
	r, err := read(ctx, tree, loader, o)
	if errors.Is(err, manifest.ErrNoManifests) {
		return emptyGround(o)
	}
	return &Ground{r, o.Commit}, err
}

func emptyGround(o BuildOptions) (*Ground, error) {
	set := &manifest.Set{}
	d, err := desired.Build(set, desired.Options{Owner: o.Owner, Revision: o.Commit.ID})
	d.Hosts = withMadeUp(&d, o.MadeUp)
	return &Ground{reading{set: set, desired: &d}, o.Commit}, err
}

// Revision is the commit that was read.
func (g *Ground) Revision() string { return g.commit.ID }

// Desired is what the base asks for.
func (g *Ground) Desired() *model.Desired { return g.desired }

// Open opens the secrets that are as in a base, with what that has of them: what was
// written anew stays closed.
func (g *Ground) Open(base *Ground, s Secrets, owner string) error {
	before, left := byName(base.set), &manifest.Set{}
	for _, is := range g.set.Secrets {
		if was := before[is.Metadata.Name]; was != nil && maps.Equal(was.Ciphertexts(), is.Ciphertexts()) {
			left.Secrets = append(left.Secrets, was)
		}
	}
	_, err := openSecrets(s, left, owner)
	return err
}

// Beside reads what was proposed to become of the base, and takes nothing from it:
// images that the base has too are those, others stay as they are declared, and of
// its secrets none is opened.
func (g *Ground) Beside(ctx context.Context, tree fs.FS, loader *manifest.Loader, o BuildOptions) (*Ground, error) {
	o.Secrets, o.Registries, o.Recorded, o.Platforms = closed{g}, known(imagesOf(g.desired)), nil, model.Platforms{}
	eachService(g.desired, func(s *model.Service) { maps.Copy(o.Platforms, s.Platforms) })
	o.Unjudged = true // what it breaks is told of the proposal
	r, err := read(ctx, tree, loader, o)
	if err != nil {
		return nil, err
	}
	if err := KeepHosts(Accepted{HostsDeclared: declaresHosts(g.desired)}, r.desired); err != nil {
		return nil, err
	}
	if err := bearable(g.desired, r.desired); err != nil {
		return nil, err
	}
	r.desired.AllowRemovals = 0 // a person has not agreed to it yet
	r.desired = resolvedOrNot(r.desired)
	return &Ground{r, o.Commit}, nil
}

// What a proposal may ask for that the base does not: to find places takes as long
// as there are replicas and hosts, and a stranger may have written any number.
const (
	maxProposed = 200_000     // replicas
	maxPairs    = 100_000_000 // of a replica and a host
)

func bearable(base, merged *model.Desired) error {
	replicas, was := replicasOf(merged.Apps, len(merged.Hosts)), replicasOf(base.Apps, len(base.Hosts))
	if replicas <= max(maxProposed, 2*was) && replicas*len(merged.Hosts) <= max(maxPairs, 2*was*len(base.Hosts)) {
		return nil
	}
	return fmt.Errorf("plan the proposal: %d replicas on %d hosts are too many to be looked at before somebody has agreed to them; propose them in several steps", replicas, len(merged.Hosts))
}

func replicasOf(apps []model.App, hosts int) int {
	n := 0
	for i := range apps {
		for j := range apps[i].Services {
			if s := &apps[i].Services[j]; s.Mode == model.ModeGlobal {
				n += hosts
			} else {
				n += s.Replicas
			}
		}
	}
	return n
}

func (g *Ground) side(name string) proposal.Side {
	c := g.commit
	return proposal.Side{Commit: proposal.Commit{ID: c.ID, Name: name, Subject: c.Subject, Author: c.Author}, Set: g.set, Desired: g.desired}
}

// resolvedOrNot is a desired state in which no app waits for a registry.
func resolvedOrNot(d *model.Desired) *model.Desired {
	out := *d
	out.Apps = slices.Clone(d.Apps)
	for i := range out.Apps {
		out.Apps[i].Unresolved = ""
	}
	return &out
}

// known are the digests of a revision's images, by app and reference.
type known map[string]map[string]string

func (k known) Digest(_ context.Context, q ImageQuestion) (string, error) {
	if digest := k[q.App][q.Ref]; digest != "" {
		return digest, nil
	}
	return "", errors.New("nobody was asked")
}

// Platforms asks nobody either: what is known of the base's images is in the options.
func (known) Platforms(context.Context, ImageQuestion) ([]string, error) { return nil, nil }

// closed has the opened values of a ground, where that has the same ones. What is
// written anew is told apart by how it is encrypted, and not opened.
type closed struct{ of *Ground }

func (c closed) Open(set *manifest.Set, owner string) (desired.Secrets, error) {
	out := desired.Secrets{Values: map[string]map[string][]byte{}, Key: model.NewDigestKey([]byte("closed " + owner))}
	var before map[string]*manifest.Secret
	if c.of != nil {
		before = byName(c.of.set)
		if len(before) > 0 {
			out.Key = c.of.secrets.Key
		}
	}
	for _, s := range set.Secrets {
		name, values := s.Metadata.Name, map[string][]byte{}
		var was map[string]string
		if old := before[name]; old != nil {
			was = old.Ciphertexts()
		}
		for key, text := range s.Ciphertexts() {
			values[key] = stand(text)
			if opened, same := c.opened(name, key); same && was[key] == text {
				values[key] = opened
			}
		}
		out.Values[name] = values
	}
	return out, nil
}

func (c closed) opened(name, key string) ([]byte, bool) {
	if c.of == nil {
		return nil, false
	}
	value, ok := c.of.secrets.Values[name][key]
	return value, ok
}

// stand is a value in the place of a closed one.
func stand(ciphertext string) []byte {
	sum := sha256.Sum256([]byte(ciphertext))
	return []byte("closed " + hex.EncodeToString(sum[:]))
}

func byName(set *manifest.Set) map[string]*manifest.Secret {
	out := map[string]*manifest.Secret{}
	for _, s := range set.Secrets {
		out[s.Metadata.Name] = s
	}
	return out
}

// Proposed names both sides of a proposal, and what hosts were asked for.
type Proposed struct {
	Base, Merged         *Ground
	BaseName, MergedName string
	Asked                []string
	Machine              model.HostInfo
	Signatures           []proposal.Signature
}

// Propose says what a proposal would do to the fleet of a view, whose desired
// state does not count.
func Propose(v View, p Proposed) proposal.Proposal {
	v.Placed = v.Placed.copied()
	base := p.Base.side(p.BaseName)
	base.Desired = resolvedOrNot(base.Desired)
	return proposal.Of(proposal.Input{
		Base: base, Merged: p.Merged.side(p.MergedName),
		Live: *v.Live, Asked: p.Asked, Machine: p.Machine, State: v.State, Guards: v.Guards, Leaving: v.Leaving, Now: v.Now,
		AllowedRemovals: allowedRemovals(p.Merged.commit), Signatures: p.Signatures,
		Decide: func(ask proposal.Ask, m whatif.Moment) whatif.Decision {
			v := v
			v.Desired, v.Leaving, v.Guards, v.Manual, v.AllowRemovals = ask.Desired, ask.Leaving, ask.Guards, ask.Manual, ask.AllowRemovals
			return v.at(m)
		},
	})
}
