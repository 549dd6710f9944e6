package git

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
)

// Repository is a remote and its mirror. Its methods may be called at the same
// time; network work is done one after the other.
type Repository struct {
	cfg    Config
	addr   address
	mirror *mirror
	http   *httpRemote   // nil for other schemes
	busy   chan struct{} // holds one token: who has it may write the mirror

	mu    sync.Mutex
	creds credentials // used last; for keeping them out of messages
}

// Open prepares a repository. It reads and writes nothing but the directory
// itself, and does not touch the network.
func Open(cfg Config) (*Repository, error) {
	cfg = cfg.withDefaults()
	addr, err := parseAddress(cfg.URL)
	if err == nil {
		err = cfg.check()
	}
	if err == nil {
		cfg.Dir, err = filepath.Abs(cfg.Dir) // go-billy takes no ".." in it
	}
	if err == nil && addr.scheme == "http" && !addr.loopback() && !cfg.AllowPlainHTTP {
		err = ErrPlainHTTP
	}
	if err != nil {
		return nil, fmt.Errorf("open repository %q: %w", Redact(cfg.URL), err)
	}
	r := &Repository{cfg: cfg, addr: addr, busy: make(chan struct{}, 1), creds: credentials{password: addr.password}}
	r.mirror = newMirror(filepath.Join(cfg.Dir, mirrorName(addr.identity())), addr.identity())
	if err := r.openHTTP(); err != nil {
		return nil, r.fail("open repository", addr.String(), err)
	}
	if err := os.MkdirAll(cfg.Dir, privateDir); err != nil {
		return nil, fmt.Errorf("open repository %q: %w", addr, err)
	}
	return r, nil
}

// String is the repository's URL without credentials.
func (r *Repository) String() string { return r.addr.String() }

// Present is an error when the repository is said to be on this machine and is
// not there. Of a remote that can only be told by fetching, and it may come back.
func (r *Repository) Present() error {
	if !r.addr.local() {
		return nil
	}
	_, err := findGitDir(r.addr.path)
	return r.fail("fetch repository", r.addr.String(), err)
}

// readCredentials reads them anew and remembers them for fail.
func (r *Repository) readCredentials() (credentials, error) {
	creds, err := readCredentials(r.cfg.Auth, r.addr)
	if err != nil {
		return creds, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.creds = creds
	return creds, nil
}

func (r *Repository) credentials() credentials {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.creds
}

// Fetch asks the remote where the branch is and makes that commit available.
// When the branch did not move, and when the commit is known already, asking
// is all that goes over the network. The answer is the branch as it is now,
// however it got there.
func (r *Repository) Fetch(ctx context.Context) (Commit, error) {
	var commit Commit
	err := r.alone(ctx, func() error {
		if c, unmoved := r.glance(ctx); unmoved {
			commit = c
			return nil
		}
		return r.connected(ctx, func(from *remote) error {
			tip, err := from.refs.target(r.cfg.Branch)
			if err == nil {
				commit, err = r.follow(ctx, from, tip)
			}
			return err
		})
	})
	if err != nil {
		r.mirror.recheck()
	}
	return commit, r.fail("fetch repository", r.addr.String(), err)
}

// follow makes tip the mirror's target.
func (r *Repository) follow(ctx context.Context, from *remote, tip plumbing.Hash) (Commit, error) {
	if err := r.bring(ctx, from, tip); err != nil {
		return Commit{}, err
	}
	id, err := r.mirror.peel(tip)
	if err != nil {
		return Commit{}, err
	}
	c, err := r.mirror.commit(id)
	if err != nil {
		return Commit{}, err
	}
	return newCommit(c), r.mirror.setTip(id)
}

// bring gets objects into the mirror, and first the mirror into order.
func (r *Repository) bring(ctx context.Context, from *remote, wants ...plumbing.Hash) error {
	if len(wants) == 0 {
		return ErrEmptyRepository
	}
	if err := r.mirror.sound(); err != nil {
		return r.rebuild(ctx, from, wants)
	}
	if wants = missing(r.mirror, wants); len(wants) == 0 {
		return nil
	}
	return r.bringInto(ctx, from, r.mirror, wants)
}

func missing(m *mirror, wants []plumbing.Hash) []plumbing.Hash {
	var missing []plumbing.Hash
	for _, id := range wants {
		if !m.holds(id) {
			missing = append(missing, id)
		}
	}
	return missing
}

// bringInto fetches what is wanted into m.
func (r *Repository) bringInto(ctx context.Context, from *remote, m *mirror, wants []plumbing.Hash) error {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeouts*r.cfg.Timeout)
	defer cancel()
	err := r.fetchPack(ctx, from, m, request{wants: wants, haves: m.haves(), cuts: m.shallow(), known: m.has})
	if err != nil {
		return interrupted(ctx, err)
	}
	if unsent := missing(m, wants); len(unsent) > 0 {
		return m.doubt(fmt.Errorf("the remote did not send %s", unsent[0]))
	}
	if err := m.noteShallow(from.refs.cuts); err != nil {
		return err
	}
	return m.compact()
}

// interrupted prefers the end of ctx to what broke because of it.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("receive objects: %w", ctx.Err())
	}
	if timedOut(err) {
		return fmt.Errorf("receive objects: %w: the remote fell silent", context.DeadlineExceeded)
	}
	return err
}

func (r *Repository) fetchPack(ctx context.Context, from *remote, m *mirror, req request) error {
	return m.addPack(r.cfg.Limits.MaxObjectSize, func(spool io.Writer) error {
		return from.pack(ctx, req, &limitedWriter{spool, r.cfg.Limits.MaxFetchSize})
	})
}

// rebuild makes a new mirror beside the unusable one, which goes only when the
// new one is complete.
func (r *Repository) rebuild(ctx context.Context, from *remote, wants []plumbing.Hash) error {
	fresh := newMirror(r.mirror.dir+".new", r.mirror.identity)
	if err := os.RemoveAll(fresh.dir); err != nil {
		return fmt.Errorf("rebuild mirror: %w", err)
	}
	if err := fresh.create(); err != nil {
		return err
	}
	if err := r.bringInto(ctx, from, fresh, wants); err != nil {
		return err
	}
	tip, err := fresh.peel(wants[0])
	if err == nil {
		err = fresh.setTip(tip)
	}
	if err == nil {
		err = r.rescue(ctx, fresh)
	}
	if err != nil {
		return err
	}
	return r.mirror.replaceWith(fresh)
}

// alone runs write when nobody else writes this mirror, here or in another
// process.
func (r *Repository) alone(ctx context.Context, write func() error) error {
	select {
	case r.busy <- struct{}{}:
		defer func() { <-r.busy }()
	case <-ctx.Done():
		return ctx.Err()
	}
	unlock, err := lockDir(ctx, r.cfg.Dir)
	if err != nil {
		return err
	}
	defer unlock()
	return write()
}

// connected runs use with a connection to the remote.
func (r *Repository) connected(ctx context.Context, use func(*remote) error) error {
	from, err := r.connect(ctx)
	if err != nil {
		return err
	}
	defer from.Close() //nolint:errcheck // what it was for has succeeded or failed by now
	return use(from)
}
