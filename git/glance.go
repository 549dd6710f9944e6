package git

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
)

// glance asks an http remote for nothing but the followed branch, in version 2
// of the protocol, which go-git does not speak: some hundred bytes where the
// list of all references may be megabytes. It can only say that the branch is
// where the mirror has it. Whatever else comes, an error too, is left for the
// full conversation to find out; and a server that does not understand is not
// asked again.
func (r *Repository) glance(ctx context.Context) (Commit, bool) {
	if r.http == nil || r.http.noGlance || r.mirror.sound() != nil {
		return Commit{}, false
	}
	creds, err := r.readCredentials()
	if err != nil {
		return Commit{}, false
	}
	ctx, cancel := context.WithTimeout(ctx, r.cfg.Timeout)
	defer cancel()
	found, err := r.http.lsRefs(ctx, r.addr, creds, prefixes(r.cfg.Branch))
	if errors.Is(err, errNoGlance) {
		r.http.noGlance = true
	}
	if err != nil {
		return Commit{}, false
	}
	tip, err := found.target(r.cfg.Branch)
	if err != nil || tip.IsZero() || tip != r.mirror.tip() {
		return Commit{}, false
	}
	c, err := r.mirror.commit(tip)
	if err != nil {
		return Commit{}, false
	}
	return newCommit(c), true
}

var errNoGlance = errors.New("the server does not list references in version 2")

// prefixes is the references that decide what the branch is. The server may
// send more: a prefix is not a name.
func prefixes(branch string) []string {
	if branch == "" {
		return []string{"HEAD"}
	}
	name := branchRef(branch)
	if name == branch {
		return []string{name}
	}
	return []string{name, tagsPrefix + branch}
}

func (h *httpRemote) lsRefs(ctx context.Context, a address, creds credentials, prefixes []string) (*refs, error) {
	question, err := lsRefsQuestion(prefixes)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.httpURL().String()+"/git-upload-pack", question)
	if err != nil {
		return nil, errNoGlance
	}
	req.Header.Set("Git-Protocol", "version=2")
	req.Header.Set("Content-Type", "application/x-git-upload-pack-request")
	req.Header.Set("Accept", "application/x-git-upload-pack-result")
	if creds.user != "" || creds.password != "" {
		req.SetBasicAuth(creds.basicUser(), creds.password)
	}
	res, err := h.plain.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close() //nolint:errcheck // only read from
	return readRefs(res)
}

func lsRefsQuestion(prefixes []string) (*bytes.Buffer, error) {
	question := &bytes.Buffer{}
	e := pktline.NewEncoder(question)
	err := e.EncodeString("command=ls-refs\n")
	question.WriteString("0001") // ends the capabilities
	for _, prefix := range prefixes {
		err = errors.Join(err, e.EncodeString("ref-prefix "+prefix+"\n"))
	}
	return question, errors.Join(err, e.Flush())
}

// readRefs reads lines of an id and a name. Refused credentials or a
// server in trouble say nothing about the protocol.
func readRefs(res *http.Response) (*refs, error) {
	const wanted = "application/x-git-upload-pack-result"
	switch {
	case res.StatusCode == http.StatusUnauthorized || res.StatusCode >= http.StatusInternalServerError:
		return nil, errors.New(res.Status)
	case res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != wanted:
		return nil, errNoGlance
	}
	const most = 1 << 20
	found := &refs{byName: map[string]plumbing.Hash{}}
	lines := pktline.NewScanner(io.LimitReader(res.Body, most))
	for lines.Scan() {
		if len(lines.Bytes()) == 0 { // the flush that ends the list
			_, err := io.Copy(io.Discard, res.Body) // or the connection is not used again
			return found, err
		}
		id, name, ok := strings.Cut(strings.TrimSuffix(string(lines.Bytes()), "\n"), " ")
		if !ok || !plumbing.IsHash(id) {
			return nil, errNoGlance
		}
		if name == "HEAD" {
			found.head = plumbing.NewHash(id)
		} else {
			found.byName[name] = plumbing.NewHash(id)
		}
	}
	return nil, errNoGlance
}
