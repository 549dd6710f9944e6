package git

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
)

// session is one conversation with a remote: first what it has, then perhaps
// objects.
type session interface {
	list(ctx context.Context) (*refs, error)
	// pack writes a pack with what req asks for.
	pack(ctx context.Context, req request, to io.Writer) error
	Close() error
}

// remote is a session that has begun.
type remote struct {
	session
	refs *refs
}

type request struct {
	wants []plumbing.Hash
	cuts  []plumbing.Hash             // haves whose parents are not here
	haves []plumbing.Hash             // some commits that need not be sent, for a remote that must be told
	known func(id plumbing.Hash) bool // the same, for one that can ask
}

// refs is where a remote's branches, tags and other references are.
type refs struct {
	head     plumbing.Hash // zero when HEAD names no commit
	headName string        // the branch that HEAD is; empty when it is none, or the remote does not say
	byName   map[string]plumbing.Hash
	others   map[string]plumbing.Hash // those that are neither: of pull requests, and of a clone's own remotes
	exact    bool                     // any commit can be asked for by its id
	cuts     []plumbing.Hash          // where the remote's own history is cut off
}

// connect opens a session and lists the references.
func (r *Repository) connect(ctx context.Context) (*remote, error) {
	creds, err := r.readCredentials()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, r.cfg.Timeout)
	defer cancel()
	s, err := r.dial(ctx, creds)
	if err != nil {
		return nil, r.refused(ctx, creds, err)
	}
	refs, err := s.list(ctx)
	if err != nil {
		_ = s.Close()
		return nil, r.refused(ctx, creds, err)
	}
	return &remote{s, refs}, nil
}

// refused prefers the reason that a person can act on.
func (r *Repository) refused(ctx context.Context, creds credentials, err error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("%w: no answer within %s", ctx.Err(), r.cfg.Timeout)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if timedOut(err) {
		return fmt.Errorf("%w: no answer within %s", context.DeadlineExceeded, r.cfg.Timeout)
	}
	return explain(err, creds.password == "" && creds.user == "")
}

// timedOut says whether a connection was given up because it fell silent.
func timedOut(err error) bool {
	var network net.Error
	return errors.As(err, &network) && network.Timeout()
}

func (r *Repository) dial(ctx context.Context, creds credentials) (session, error) {
	switch r.addr.scheme {
	case "ssh":
		return dialSSH(ctx, r.addr, creds, sshOptions{r.cfg.Auth.KnownHostsFile, r.cfg.Timeout})
	case "file":
		return openLocal(r.addr.path, r.cfg.Limits.MaxObjectSize)
	default:
		return r.http.session(r.addr, creds)
	}
}

// target is the commit of the branch; of a branch "", of HEAD.
func (f *refs) target(branch string) (plumbing.Hash, error) {
	if len(f.byName) == 0 && f.head.IsZero() {
		return plumbing.ZeroHash, ErrEmptyRepository
	}
	if branch == "" {
		if f.head.IsZero() {
			return plumbing.ZeroHash, fmt.Errorf("%w: the remote's HEAD names no commit; %s", ErrBranchNotFound, f.branches())
		}
		return f.head, nil
	}
	name := branchRef(branch)
	id, found := f.byName[name]
	if !found {
		return plumbing.ZeroHash, fmt.Errorf("%w: %q; %s", ErrBranchNotFound, branch, f.branches())
	}
	if _, tagged := f.byName[tagsPrefix+branch]; tagged && name != branch {
		return plumbing.ZeroHash, ambiguous(branch, name, tagsPrefix+branch)
	}
	return id, nil
}

func ambiguous(name string, meanings ...string) error {
	return fmt.Errorf("%w: %q is %s; write the one that is meant", ErrAmbiguous, name, strings.Join(meanings, " and "))
}

// branches lists the branches that there are, for whoever mistyped one.
func (f *refs) branches() string {
	const most = 10
	var names []string
	for _, name := range slices.Sorted(maps.Keys(f.byName)) {
		if short, found := strings.CutPrefix(name, headsPrefix); found {
			names = append(names, short)
		}
	}
	if len(names) == 0 {
		return "the remote has no branches"
	}
	if len(names) > most {
		names = append(names[:most], "…")
	}
	return "the remote has " + strings.Join(names, ", ")
}

// note takes a reference in.
func (f *refs) note(name string, id plumbing.Hash) {
	if strings.HasPrefix(name, headsPrefix) || strings.HasPrefix(name, tagsPrefix) {
		f.byName[name] = id
		return
	}
	f.others[name] = id
}

// at is where a reference is, by its full name.
func (f *refs) at(name string) (id plumbing.Hash, found bool) {
	if id, found = f.byName[name]; !found {
		id, found = f.others[name]
	}
	return id, found
}

func emptyRefs() *refs {
	return &refs{byName: map[string]plumbing.Hash{}, others: map[string]plumbing.Hash{}}
}

// newRefs is what a server advertises.
func newRefs(ar *packp.AdvRefs) *refs {
	f := emptyRefs()
	f.cuts = ar.Shallows
	if ar.Head != nil {
		f.head = *ar.Head
	}
	for name, id := range ar.References {
		f.note(name, id)
	}
	for _, link := range ar.Capabilities.Get(capability.SymRef) {
		if name, found := strings.CutPrefix(link, "HEAD:"); found {
			f.headName = name
		}
	}
	f.exact = ar.Capabilities.Supports(capability.AllowReachableSHA1InWant)
	return f
}

// newRequest is req in the protocol's form.
func newRequest(ar *packp.AdvRefs, req request) (*packp.UploadPackRequest, error) {
	up := packp.NewUploadPackRequestFromCapabilities(ar.Capabilities)
	up.Wants, up.Haves = req.wants, req.haves
	var err error
	if ar.Capabilities.Supports(capability.NoProgress) {
		err = up.Capabilities.Set(capability.NoProgress)
	}
	if err == nil && len(req.cuts) > 0 && ar.Capabilities.Supports(capability.Shallow) {
		up.Shallows = req.cuts
		err = up.Capabilities.Set(capability.Shallow)
	}
	return up, err
}

// copyAnswer unwraps the pack from the answer to up.
func copyAnswer(to io.Writer, up *packp.UploadPackRequest, from io.Reader) error {
	switch {
	case up.Capabilities.Supports(capability.Sideband64k):
		from = sideband.NewDemuxer(sideband.Sideband64k, from)
	case up.Capabilities.Supports(capability.Sideband):
		from = sideband.NewDemuxer(sideband.Sideband, from)
	}
	if _, err := io.Copy(to, from); err != nil {
		return fmt.Errorf("receive objects: %w", err)
	}
	return nil
}

// limitedWriter refuses to take more than left bytes.
type limitedWriter struct {
	io.Writer
	left int64
}

func (w *limitedWriter) Write(p []byte) (int, error) {
	if w.left -= int64(len(p)); w.left < 0 {
		return 0, errors.New("the remote sends more than the limit for one fetch")
	}
	return w.Writer.Write(p)
}
