package plan

import (
	"maps"
	"slices"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// Neither side of a comparison knows the value of a secret: there are only
// digests, and what is shown is where a value comes from.

// plainValue stands for a value in a container that is to be a secret now. It
// is not shown: it may well be the one that is being moved out of sight.
const plainValue = "(a plain value)"

// environment compares the variables, those of secrets apart from the rest.
func (c *comparison) environment() {
	want := overlay{c.want.Env, c.image.Env}
	if len(c.want.SecretEnv) == 0 && len(c.live.SecretEnv) == 0 {
		c.maps("environment", want, c.live.Env)
		return
	}
	secret := func(name, _ string) bool {
		_, wanted := c.want.SecretEnv[name]
		_, there := c.live.SecretEnv[name]
		return wanted || there
	}
	c.maps("environment", overlay{without(c.want.Env, secret), without(c.image.Env, secret)}, without(c.live.Env, secret))
	names := slices.AppendSeq(slices.Collect(maps.Keys(c.want.SecretEnv)), maps.Keys(c.live.SecretEnv))
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		c.variable(name, want)
	}
}

func without(m map[string]string, drop func(string, string) bool) map[string]string {
	m = maps.Clone(m)
	maps.DeleteFunc(m, drop)
	return m
}

// variable compares one that is secret on one side at least.
func (c *comparison) variable(name string, plain overlay) {
	want, wanted := c.want.SecretEnv[name]
	live, there := c.live.SecretEnv[name]
	from, to := live.String(), want.String()
	switch {
	case wanted && there && sameSecret(want, live):
		return
	case !there:
		if _, set := c.live.Env[name]; set {
			from = plainValue
		}
	case !wanted:
		value, set := plain.get(name)
		to = quoteEmpty(value, set)
	}
	c.replace(keyed("environment", name), from, to)
}

// sameSecret says whether two references are to one value. Digests of
// different keys can't tell; then the fingerprint does.
func sameSecret(a, b model.SecretRef) bool {
	if model.Comparable(a.Digest, b.Digest) && a.Digest != b.Digest {
		return false
	}
	return a.Secret == b.Secret && a.Key == b.Key
}

// liveFiles are the live container's files; the digest of a secret one that
// can't be held against what is wanted is taken for the same.
func (c *comparison) liveFiles() []model.File {
	if !slices.ContainsFunc(c.live.Files, func(f model.File) bool { return f.Secret != "" }) {
		return c.live.Files
	}
	files := slices.Clone(c.live.Files)
	for i := range files {
		f := &files[i]
		j := slices.IndexFunc(c.want.Files, func(w model.File) bool { return w.Path == f.Path && w.Secret == f.Secret })
		if f.Secret != "" && j >= 0 && !model.Comparable(f.Digest, c.want.Files[j].Digest) {
			f.Digest = c.want.Files[j].Digest
		}
	}
	return files
}

// evident says whether the secrets of a container can be held against what is
// asked for, so that a comparison shows all there is.
func evident(want, live *model.ContainerSpec) bool {
	for name, w := range want.SecretEnv {
		if l, there := live.SecretEnv[name]; there && !model.Comparable(w.Digest, l.Digest) {
			return false
		}
	}
	return !slices.ContainsFunc(want.Files, func(w model.File) bool {
		return w.Secret != "" && slices.ContainsFunc(live.Files, func(l model.File) bool {
			return l.Path == w.Path && l.Secret == w.Secret && !model.Comparable(w.Digest, l.Digest)
		})
	})
}
