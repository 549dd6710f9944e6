package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// Resolve finds the commit that rev names and makes it available: a full or
// abbreviated id, a branch, a tag (short, or full as refs/tags/v1), of a clone a
// branch of its remote (origin/main), any other reference by its full name, HEAD
// for the followed branch, each with any number of ~N and ^N behind it. A name is
// looked up at the remote; an id that the mirror has needs no network.
func (r *Repository) Resolve(ctx context.Context, rev string) (Commit, error) {
	base, steps, err := parseRevision(rev)
	var id plumbing.Hash
	if err == nil {
		id, err = r.resolveBase(ctx, base)
	}
	if err == nil {
		id, err = r.mirror.peel(id)
	}
	for _, s := range steps {
		if err == nil {
			id, err = r.step(id, s)
		}
	}
	if err != nil {
		return Commit{}, r.fail("resolve revision", rev, err)
	}
	c, err := r.mirror.commit(id)
	if err != nil {
		return Commit{}, r.fail("resolve revision", rev, err)
	}
	return newCommit(c), nil
}

// step is ~3 (three first parents up) or ^2 (the second parent).
type step struct {
	up     bool
	number int
}

func parseRevision(rev string) (base string, steps []step, err error) {
	const most = 10_000
	base = rev
	if i := strings.IndexAny(rev, "~^"); i >= 0 {
		base = rev[:i]
	}
	suffix := rev[len(base):]
	pattern := regexp.MustCompile(`^[~^][0-9]*`)
	for suffix != "" {
		found := pattern.FindString(suffix)
		s := step{up: strings.HasPrefix(found, "~"), number: 1}
		if len(found) > 1 {
			s.number, err = strconv.Atoi(found[1:])
		}
		if found == "" || err != nil || s.number > most {
			return "", nil, fmt.Errorf("%w: write an id, a branch, a tag or HEAD, then perhaps ~1 or ^2", ErrRevisionNotFound)
		}
		steps = append(steps, s)
		suffix = suffix[len(found):]
	}
	if base == "" || strings.ContainsAny(base, " :{}\\?*[") || strings.Contains(base, "..") {
		return "", nil, fmt.Errorf("%w: not a name of a single commit", ErrRevisionNotFound)
	}
	return base, steps, nil
}

func (r *Repository) step(id plumbing.Hash, s step) (plumbing.Hash, error) {
	if s.up {
		for range s.number {
			var err error
			if id, err = r.parent(id, 1); err != nil {
				return id, err
			}
		}
		return id, nil
	}
	return r.parent(id, s.number)
}

func (r *Repository) parent(id plumbing.Hash, number int) (plumbing.Hash, error) {
	if number == 0 {
		return id, nil
	}
	c, err := r.mirror.commit(id)
	if err != nil {
		return id, err
	}
	if number > len(c.ParentHashes) {
		return id, fmt.Errorf("%w: %s has %d parents", ErrRevisionNotFound, short(id.String()), len(c.ParentHashes))
	}
	parent := c.ParentHashes[number-1]
	if !r.mirror.has(parent) {
		return id, fmt.Errorf("%w: the remote's history ends at %s (a shallow clone)", ErrRevisionNotFound, short(id.String()))
	}
	return parent, nil
}

func (r *Repository) resolveBase(ctx context.Context, base string) (plumbing.Hash, error) {
	if plumbing.IsHash(base) && r.mirror.hasNow(plumbing.NewHash(base)) {
		return plumbing.NewHash(base), nil
	}
	var id plumbing.Hash
	err := r.alone(ctx, func() error {
		return r.connected(ctx, func(from *remote) (err error) {
			id, err = r.lookUp(ctx, from, base)
			return err
		})
	})
	if err != nil && !answered(err) {
		// Offline, an abbreviated id is still worth a look.
		if known, local := r.abbreviated(base); local == nil {
			return known, nil
		}
	}
	return id, err
}

// answered says whether the remote did have its say.
func answered(err error) bool {
	return slices.ContainsFunc([]error{ErrAmbiguous, ErrRevisionNotFound, ErrBranchNotFound, ErrEmptyRepository},
		func(kind error) bool { return errors.Is(err, kind) })
}

// lookUp finds base among the remote's names and the mirror's ids. What it
// could mean more than once is an error that names all meanings.
func (r *Repository) lookUp(ctx context.Context, from *remote, base string) (plumbing.Hash, error) {
	var id plumbing.Hash
	var err error
	switch {
	case base == "HEAD" || base == "@":
		id, err = from.refs.target(r.cfg.Branch)
	case plumbing.IsHash(base):
		return r.bringID(ctx, from, plumbing.NewHash(base))
	default:
		id, err = r.named(from, base)
	}
	if err != nil {
		return id, err
	}
	if !id.IsZero() {
		return id, r.bring(ctx, from, id)
	}
	if err := r.bring(ctx, from, from.refs.tips()...); err != nil {
		return id, err
	}
	return r.abbreviated(base)
}

// named is what base means among the remote's names and the mirror's ids;
// zero when it could be the beginning of an id that is not here yet.
func (r *Repository) named(from *remote, base string) (plumbing.Hash, error) {
	names := from.refs.named(base)
	abbreviated, err := r.abbreviated(base)
	switch {
	case errors.Is(err, ErrAmbiguous):
		return abbreviated, err
	case err == nil && len(names) > 0:
		return abbreviated, ambiguous(base, append(names, "commit "+abbreviated.String())...)
	case err == nil:
		return abbreviated, nil
	case len(names) > 1:
		return abbreviated, ambiguous(base, names...)
	case len(names) == 1:
		id, _ := from.refs.at(names[0])
		return id, nil
	case !isAbbreviation(base):
		return abbreviated, fmt.Errorf("%w: neither a branch, a tag nor a commit id", ErrRevisionNotFound)
	}
	return plumbing.ZeroHash, nil
}

// bringID gets a commit of which only the id is known: most likely some branch
// or tag holds it, and if none does, some servers give it out all the same.
func (r *Repository) bringID(ctx context.Context, from *remote, id plumbing.Hash) (plumbing.Hash, error) {
	if err := r.bring(ctx, from, from.refs.tips()...); err != nil {
		return id, err
	}
	if r.mirror.has(id) {
		return id, nil
	}
	if from.refs.exact && r.bring(ctx, from, id) == nil {
		return id, nil
	}
	return id, fmt.Errorf("%w: the remote has no such commit in a branch or tag", ErrRevisionNotFound)
}

// isAbbreviation says whether s can be the beginning of an id.
func isAbbreviation(s string) bool {
	const shortest = 4
	return len(s) >= shortest && len(s) <= 40 && strings.Trim(s, "0123456789abcdef") == ""
}

// abbreviated is the commit in the mirror whose id begins with prefix.
func (r *Repository) abbreviated(prefix string) (plumbing.Hash, error) {
	if !isAbbreviation(prefix) {
		return plumbing.ZeroHash, ErrRevisionNotFound
	}
	ids, err := r.mirror.withPrefix(prefix)
	switch {
	case err != nil:
		return plumbing.ZeroHash, err
	case len(ids) == 0:
		return plumbing.ZeroHash, fmt.Errorf("%w: no commit begins with it", ErrRevisionNotFound)
	case len(ids) > 1:
		return plumbing.ZeroHash, ambiguous(prefix, "commit "+ids[0].String(), "commit "+ids[1].String())
	}
	return ids[0], nil
}

// named is the full names that a short or full name stands for.
func (f *refs) named(name string) []string {
	candidates := []string{headsPrefix + name, tagsPrefix + name, remotesPrefix + name}
	if strings.HasPrefix(name, "refs/") {
		candidates = []string{name}
	} else if strings.HasPrefix(name, "heads/") || strings.HasPrefix(name, "tags/") {
		candidates = append(candidates, "refs/"+name)
	}
	return slices.DeleteFunc(candidates, func(candidate string) bool {
		_, found := f.at(candidate)
		return !found
	})
}

// tips is where all branches and tags are.
func (f *refs) tips() []plumbing.Hash {
	ids := slices.Collect(maps.Values(f.byName))
	slices.SortFunc(ids, func(a, b plumbing.Hash) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(ids)
}

// Names are the branches and tags that the remote has, and of a clone the branches
// of its own remotes: short, and sorted.
func (r *Repository) Names(ctx context.Context) ([]string, error) {
	var names []string
	err := r.connected(ctx, func(from *remote) error {
		for _, all := range []map[string]plumbing.Hash{from.refs.byName, from.refs.others} {
			for full := range all {
				for _, prefix := range []string{headsPrefix, tagsPrefix, remotesPrefix} {
					if name, is := strings.CutPrefix(full, prefix); is {
						names = append(names, name)
					}
				}
			}
		}
		return nil
	})
	slices.Sort(names)
	return slices.Compact(names), r.fail("list names of", r.addr.String(), err)
}
