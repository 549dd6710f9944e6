package git

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/transport"
)

// What a caller may want to tell apart.
var (
	ErrEmptyRepository  = errors.New("the repository has no commits yet")
	ErrBranchNotFound   = errors.New("no such branch")
	ErrRevisionNotFound = errors.New("no such revision")
	ErrAmbiguous        = errors.New("ambiguous name")
	ErrPathNotFound     = errors.New("no such path")
	// ErrAccess is a remote that wants other credentials, or does not show
	// this repository to these.
	ErrAccess = errors.New("access refused")
	// ErrUnknownHost is a remote whose host no name server knows.
	ErrUnknownHost = errors.New("no such host")
	// ErrPlainHTTP is a remote over http that nobody has allowed.
	ErrPlainHTTP = errors.New("http is not protected against listening and forging")

	// ErrNothingToCommit is an edit that changes nothing.
	ErrNothingToCommit = errors.New("nothing to commit")
	// ErrPushDenied is a remote that can be read and does not take a commit:
	// for want of rights, because the branch is protected, or by a hook.
	ErrPushDenied = errors.New("push denied")
	// ErrDirty is a local work tree whose own changes a commit would touch.
	ErrDirty = errors.New("the work tree is in use")
	// ErrBranchMoved is a branch that others kept moving while it was pushed to.
	ErrBranchMoved = errors.New("the branch keeps moving")
	// ErrBranchExists is a branch that was to be made and is there already.
	ErrBranchExists = errors.New("the branch exists already")
)

// plainError is an error whose text was cleaned. Of the chain below it only
// what callers may branch on is left: the rest could still spell a secret.
type plainError struct {
	text string
	kind error
}

func (e *plainError) Error() string { return e.text }
func (e *plainError) Unwrap() error { return e.kind }

// fail wraps err as `verb "name": cause` without any credential.
func (r *Repository) fail(verb, name string, err error) error {
	if err == nil {
		return nil
	}
	return &plainError{r.credentials().scrub(fmt.Sprintf("%s %q: %v", verb, name, err)), kindOf(err)}
}

func kindOf(err error) error {
	kinds := []error{ErrPushDenied, ErrEmptyRepository, ErrBranchNotFound, ErrRevisionNotFound, ErrAmbiguous, ErrPathNotFound,
		ErrAccess, ErrHistoryCut, ErrConflict, ErrUnrelated, ErrUnknownHost, ErrNothingToCommit, ErrDirty, ErrBranchMoved, ErrBranchExists,
		context.Canceled, context.DeadlineExceeded, fs.ErrNotExist}
	for _, kind := range kinds {
		if errors.Is(err, kind) {
			return kind
		}
	}
	return nil
}

// explain puts what a person can do about it in place of the transport's own
// words.
func explain(err error, anonymous bool) error {
	switch {
	case unknownHost(err) != "":
		return fmt.Errorf("%w: %q", ErrUnknownHost, unknownHost(err))
	case errors.Is(err, transport.ErrEmptyRemoteRepository):
		return ErrEmptyRepository
	case errors.Is(err, transport.ErrAuthenticationRequired) && anonymous:
		return fmt.Errorf("%w: the server asks for a user and password or token, and none is configured", ErrAccess)
	case errors.Is(err, transport.ErrAuthenticationRequired):
		return fmt.Errorf("%w: the server does not accept the configured password or token", ErrAccess)
	case errors.Is(err, transport.ErrAuthorizationFailed):
		return fmt.Errorf("%w: the credentials are valid but may not read this repository", ErrAccess)
	case errors.Is(err, transport.ErrRepositoryNotFound):
		return fmt.Errorf("%w: no such repository, or these credentials may not see it", ErrAccess)
	}
	return err
}

// unknownHost is the host that a name server has denied, or "".
func unknownHost(err error) string {
	var hidden *plumbing.UnexpectedError // shows nobody what it wraps
	if errors.As(err, &hidden) {
		err = hidden.Err
	}
	var lookup *net.DNSError
	if errors.As(err, &lookup) && lookup.IsNotFound {
		return lookup.Name
	}
	return ""
}
