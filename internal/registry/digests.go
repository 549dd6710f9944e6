package registry

import (
	"context"
	"sync"
	"time"
)

// Digests are what references stood for at a revision, and what images are made for. Each reference is asked
// for once per revision, whoever asks and however many at once; what could not
// be had is asked for again.
type Digests struct {
	resolver *Resolver
	keys     Keychain

	mu   sync.Mutex
	kept map[string]map[string]*answer // by revision, then by reference and whose credentials
	last []string                      // revisions, the latest used last

	platforms map[string]told // by digest and whose credentials
}

// Ask is one question.
type Ask struct {
	Revision, Ref string
	// Own are credentials that go before the installation's, Whose tells them
	// from those of others: two apps with credentials of their own don't share
	// answers.
	Own   Keychain
	Whose string
}

// key tells questions apart that may have different answers at one revision.
func (q Ask) key() string {
	if q.Own == nil {
		return q.Ref
	}
	return q.Ref + "\n" + q.Whose
}

// answer is there when done is closed.
type answer struct {
	done   chan struct{}
	digest string
	err    error
	// abandoned says that it failed because whoever asked gave up.
	abandoned bool
}

// keptRevisions is how many revisions are remembered: the present one, and the
// ones that apps are held to meanwhile.
const keptRevisions = 32

// NewDigests makes an empty memory in front of a resolver.
func NewDigests(resolver *Resolver, keys Keychain) *Digests {
	return &Digests{resolver: resolver, keys: keys, kept: map[string]map[string]*answer{}, platforms: map[string]told{}}
}

// Digest is what the reference stands for at the revision.
func (d *Digests) Digest(ctx context.Context, q Ask) (string, error) {
	key := q.key()
	for {
		a, mine := d.claim(q.Revision, key)
		if mine {
			a.digest, a.err = d.resolver.Resolve(ctx, q.Ref, First(q.Own, d.keys))
			a.abandoned = a.err != nil && ctx.Err() != nil
			d.settle(q.Revision, key, a)
			return a.digest, a.err
		}
		select {
		case <-a.done:
		case <-ctx.Done():
			return "", &Error{Class: Unreachable, Ref: q.Ref, Registry: RegistryOf(q.Ref), Cause: ctx.Err().Error()}
		}
		if !a.abandoned {
			return a.digest, a.err
		}
	}
}

// told is what a registry said of a digest's platforms, or that it did not.
type told struct {
	platforms []string
	err       error
	again     time.Time // a failure is asked for again then
}

const (
	// failureKept is for how long a question for platforms that failed is not asked
	// again: every commit would wait for a registry that does not answer.
	failureKept = 5 * time.Minute
	// toldKept bounds how many digests are remembered here.
	toldKept = 4096
)

// Platforms are what the image is made for that a reference with a digest names.
func (d *Digests) Platforms(ctx context.Context, q Ask) ([]string, error) {
	key := q.key()
	d.mu.Lock()
	before, known := d.platforms[key]
	d.mu.Unlock()
	if known && (before.err == nil || time.Now().Before(before.again)) {
		return before.platforms, before.err
	}
	var now told
	now.platforms, now.err = d.resolver.Platforms(ctx, q.Ref, First(q.Own, d.keys))
	now.again = time.Now().Add(failureKept)
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.platforms) >= toldKept {
		clear(d.platforms)
	}
	d.platforms[key] = now
	return now.platforms, now.err
}

// claim gives the answer that is there or on its way, or a new one that is the
// caller's to find.
func (d *Digests) claim(revision, key string) (a *answer, mine bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.use(revision)
	if a := d.kept[revision][key]; a != nil {
		return a, false
	}
	a = &answer{done: make(chan struct{})}
	d.kept[revision][key] = a
	return a, true
}

// use makes the revision the latest, and forgets the one that was not used for
// the longest time.
func (d *Digests) use(revision string) {
	if d.kept[revision] == nil {
		d.kept[revision] = map[string]*answer{}
	}
	rest := d.last[:0]
	for _, r := range d.last {
		if r != revision {
			rest = append(rest, r)
		}
	}
	d.last = append(rest, revision)
	if len(d.last) > keptRevisions {
		delete(d.kept, d.last[0])
		d.last = d.last[1:]
	}
}

// settle publishes an answer. A failure is not kept.
func (d *Digests) settle(revision, key string, a *answer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if a.err != nil && d.kept[revision][key] == a {
		delete(d.kept[revision], key)
	}
	close(a.done)
}
