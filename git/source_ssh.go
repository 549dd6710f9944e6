package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"golang.org/x/crypto/ssh"

	"github.com/tallyman-io/tallyman/internal/sshconn"
)

// sshSession is git-upload-pack, or git-receive-pack, at the other end of an
// ssh connection. It is
// our own rather than go-git's because that one can't be stopped while a
// server says nothing during the handshake, and reads ~/.ssh/config.
type sshSession struct {
	client     *ssh.Client
	process    *ssh.Session
	stdin      io.WriteCloser
	stdout     io.Reader
	stderr     *cappedBuffer
	advertised *packp.AdvRefs
	asked      bool
}

type sshOptions struct {
	knownHosts string
	idle       time.Duration
}

const defaultSSHUser = "git"

func dialSSH(ctx context.Context, a address, creds credentials, opts sshOptions) (session, error) {
	client, err := connectSSH(ctx, a, creds, opts)
	if err != nil {
		return nil, err
	}
	return startService(client, "git-upload-pack", a.path)
}

func connectSSH(ctx context.Context, a address, creds credentials, opts sshOptions) (*ssh.Client, error) {
	auth, closeAgent, err := sshAuth(creds)
	if err != nil {
		return nil, refused(err)
	}
	defer closeAgent()
	var files []string
	if opts.knownHosts != "" {
		files = []string{opts.knownHosts}
	}
	hosts, err := sshconn.ReadKnownHosts(sshconn.Address{Host: a.host, Port: orDefault(a.port, "22")}, files...)
	if err != nil {
		return nil, refused(err)
	}
	conn, err := (&idleDialer{opts.idle}).dial(ctx, "tcp", a.hostPort())
	if err != nil {
		return nil, err
	}
	client, err := sshconn.Login{User: orDefault(creds.user, defaultSSHUser), Auth: auth, Hosts: hosts}.Over(ctx, conn)
	return client, refused(err)
}

// refused marks what only other credentials, or a person, can change.
func refused(err error) error {
	var refusal *sshconn.Refusal
	if errors.As(err, &refusal) {
		return fmt.Errorf("%w: %w", ErrAccess, err)
	}
	return err
}

func sshAuth(creds credentials) ([]ssh.AuthMethod, func(), error) {
	if creds.key != nil {
		signer, err := sshconn.ParseKey(creds.key, creds.passphrase)
		return []ssh.AuthMethod{ssh.PublicKeys(signer)}, func() {}, err
	}
	keys, closed, err := sshconn.Agent()
	if errors.Is(err, sshconn.ErrNoAgent) {
		return nil, nil, fmt.Errorf("%w: no ssh key file is configured and no agent is running", ErrAccess)
	}
	return []ssh.AuthMethod{ssh.PublicKeysCallback(keys)}, closed, err
}

func startService(client *ssh.Client, service, path string) (*sshSession, error) {
	s := &sshSession{client: client, stderr: &cappedBuffer{}}
	var err error
	if s.process, err = client.NewSession(); err == nil {
		s.process.Stderr = s.stderr
		s.stdin, err = s.process.StdinPipe()
	}
	if err == nil {
		s.stdout, err = s.process.StdoutPipe()
	}
	if err == nil {
		err = s.process.Start(service + " " + shellQuote(sshPath(path)))
	}
	if err != nil {
		_ = client.Close()
		return nil, fmt.Errorf("start %s: %w", service, err)
	}
	return s, nil
}

// sshPath lets ssh://host/~user/repo mean a home directory, as in git.
func sshPath(path string) string {
	if strings.HasPrefix(path, "/~") {
		return path[1:]
	}
	return path
}

// shellQuote is git's own quoting, which git-shell can read back.
func shellQuote(s string) string {
	return "'" + strings.NewReplacer("'", `'\''`, "!", `'\!'`).Replace(s) + "'"
}

func (s *sshSession) list(ctx context.Context) (*refs, error) {
	defer s.closeOn(ctx)()
	ar := packp.NewAdvRefs()
	err := ar.Decode(s.stdout)
	switch {
	case errors.Is(err, packp.ErrEmptyAdvRefs), err == nil && ar.IsEmpty():
		return nil, ErrEmptyRepository
	case err != nil:
		return nil, s.said(err)
	}
	s.advertised = ar
	return newRefs(ar), nil
}

func (s *sshSession) pack(ctx context.Context, req request, to io.Writer) error {
	defer s.closeOn(ctx)()
	up, err := newRequest(s.advertised, req)
	if err != nil {
		return err
	}
	s.asked = true
	if err := sendRequest(s.stdin, up); err != nil {
		return s.said(fmt.Errorf("ask for objects: %w", err))
	}
	answer := packp.NewUploadPackResponse(up)
	if err := answer.Decode(io.NopCloser(s.stdout)); err != nil {
		return s.said(fmt.Errorf("ask for objects: %w", err))
	}
	if err := copyAnswer(to, up, answer); err != nil {
		return s.said(err)
	}
	return nil
}

func sendRequest(to io.WriteCloser, up *packp.UploadPackRequest) error {
	if err := up.UploadRequest.Encode(to); err != nil {
		return err
	}
	if err := up.UploadHaves.Encode(to, true); err != nil {
		return err
	}
	if err := pktline.NewEncoder(to).EncodeString("done\n"); err != nil {
		return err
	}
	return closeWriting(to)
}

// closeWriting tells the server that nothing more comes. One that has had
// enough by then may be done and gone already, which is no error.
func closeWriting(to io.Closer) error {
	if err := to.Close(); !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// closeOn breaks the connection when ctx ends before the returned function is
// called; nothing else would wake a read.
func (s *sshSession) closeOn(ctx context.Context) func() bool {
	return context.AfterFunc(ctx, func() { _ = s.client.Close() })
}

// said adds what the server wrote to its error output, which is where
// git-upload-pack says why it ends.
func (s *sshSession) said(err error) error {
	_ = s.stdin.Close()
	_ = s.process.Wait()
	text := strings.TrimSpace(s.stderr.String())
	switch {
	case text == "":
		return fmt.Errorf("the server ended the conversation: %w", err)
	case strings.Contains(text, "does not appear to be a git repository"):
		return fmt.Errorf("%w: no such repository: %s", ErrAccess, text)
	}
	return fmt.Errorf("the server says: %s", text)
}

// Close ends politely when nothing was asked for, so that the server does not
// log a broken conversation at every poll.
func (s *sshSession) Close() error {
	if !s.asked && s.advertised != nil {
		_, _ = s.stdin.Write(pktline.FlushPkt)
	}
	_ = s.stdin.Close()
	return s.client.Close()
}

// cappedBuffer keeps the beginning of what is written to it.
type cappedBuffer struct{ bytes.Buffer }

func (b *cappedBuffer) Write(p []byte) (int, error) {
	if room := maxErrorPage - b.Len(); room > 0 {
		b.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}
