package git

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
)

// push over http is two requests: where the branches are, and the update.
func (h *httpRemote) push(ctx context.Context, a address, creds credentials, p *proposal) error {
	endpoint, auth, err := endpointOf(a, creds)
	if err != nil {
		return err
	}
	s, err := h.transport.NewReceivePackSession(endpoint, auth)
	if err != nil {
		return err
	}
	defer s.Close() //nolint:errcheck // what it was for has succeeded or failed by now
	ar, err := s.AdvertisedReferencesContext(ctx)
	if err != nil {
		return fmt.Errorf("ask to push: %w", err)
	}
	said := &cappedBuffer{}
	update, err := newUpdate(ar, p, said)
	if err != nil {
		return err
	}
	answers := &answers{}
	report, err := s.ReceivePack(context.WithValue(ctx, answersKey{}, answers), update)
	answers.drain()
	if report == nil && err != nil {
		return unclear(err)
	}
	return verdict(report, said.String())
}

// answers collects the bodies of a request's answers. The library reads the
// server's verdict and neither reads on nor closes; but the server has its
// hooks run behind the verdict, and some stop when nobody listens any more.
type answers struct{ bodies []io.ReadCloser }

type answersKey struct{}

func (a *answers) drain() {
	for _, body := range a.bodies {
		_, _ = io.Copy(io.Discard, body)
		_ = body.Close()
	}
}

func (r *Repository) pushSSH(ctx context.Context, creds credentials, p *proposal) error {
	client, err := connectSSH(ctx, r.addr, creds, sshOptions{r.cfg.Auth.KnownHostsFile, r.cfg.Timeout})
	if err != nil {
		return err
	}
	s, err := startService(client, "git-receive-pack", r.addr.path)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrPushDenied, err) // it was connected to, and does not let us
	}
	defer s.Close() //nolint:errcheck // what it was for has succeeded or failed by now
	defer s.closeOn(ctx)()
	ar := packp.NewAdvRefs()
	if err := ar.Decode(s.stdout); err != nil {
		return s.unwilling(err)
	}
	said := &cappedBuffer{}
	update, err := newUpdate(ar, p, said)
	if err != nil {
		s.advertised = ar // for a polite end
		return err
	}
	s.asked = true
	err = update.Encode(s.stdin)
	if err = errors.Join(err, closeWriting(s.stdin)); err != nil {
		return unclear(s.said(err))
	}
	report, err := readReport(s.stdout, update)
	if err != nil {
		return unclear(s.said(err))
	}
	_, _ = io.Copy(io.Discard, s.stdout) // until the server's hooks have run, too
	return verdict(report, said.String())
}

// unwilling is a server that ends the conversation before it began: with a
// reason it is a refusal, as for a key that may only read.
func (s *sshSession) unwilling(err error) error {
	err = s.said(err)
	if strings.TrimSpace(s.stderr.String()) == "" {
		return err
	}
	return fmt.Errorf("%w: %w", ErrPushDenied, err)
}
