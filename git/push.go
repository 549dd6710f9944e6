package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
	"github.com/go-git/go-git/v5/plumbing/transport"
)

func (p *proposal) writePack(to io.Writer) error {
	_, err := to.Write(p.pack)
	return err
}

// push has the remote take the proposal, if its branch is still there.
func (r *Repository) push(ctx context.Context, p *proposal) error {
	creds, err := r.readCredentials()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTimeouts*r.cfg.Timeout)
	defer cancel()
	switch r.addr.scheme {
	case "ssh":
		err = r.pushSSH(ctx, creds, p)
	case "file":
		err = pushLocal(ctx, r.addr.path, p)
	default:
		err = r.http.push(ctx, r.addr, creds, p)
	}
	if ctx.Err() != nil && !errors.Is(err, ErrPushDenied) {
		return ctx.Err()
	}
	return explainPush(err, creds.password == "" && creds.user == "")
}

// explainPush tells what the transport's words mean for a remote that has just
// been read from with the same credentials.
func explainPush(err error, anonymous bool) error {
	switch {
	case errors.Is(err, transport.ErrAuthenticationRequired) && anonymous:
		return fmt.Errorf("%w: the server asks for a user and password or token to write, and none is configured", ErrPushDenied)
	case errors.Is(err, transport.ErrAuthenticationRequired), errors.Is(err, transport.ErrAuthorizationFailed),
		errors.Is(err, transport.ErrRepositoryNotFound):
		return fmt.Errorf("%w: these credentials may read this repository and not write to it", ErrPushDenied)
	}
	return err
}

// newUpdate is the proposal in the protocol's form. Whatever the server says
// beside its verdict goes to said.
func newUpdate(ar *packp.AdvRefs, p *proposal, said io.Writer) (*packp.ReferenceUpdateRequest, error) {
	if !ar.Capabilities.Supports(capability.ReportStatus) {
		return nil, fmt.Errorf("%w: the server offers this repository for reading only", ErrPushDenied)
	}
	if ar.References[p.branch.String()] != p.old {
		return nil, errMoved
	}
	update := packp.NewReferenceUpdateRequestFromCapabilities(ar.Capabilities)
	update.Commands = []*packp.Command{{Name: p.branch, Old: p.old, New: p.new}}
	update.Packfile = io.NopCloser(bytes.NewReader(p.pack))
	if ar.Capabilities.Supports(capability.Sideband64k) {
		update.Progress = said
		return update, update.Capabilities.Set(capability.Sideband64k)
	}
	return update, nil
}

// readReport reads the server's verdict on update.
func readReport(from io.Reader, update *packp.ReferenceUpdateRequest) (*packp.ReportStatus, error) {
	if update.Capabilities.Supports(capability.Sideband64k) {
		demuxer := sideband.NewDemuxer(sideband.Sideband64k, from)
		demuxer.Progress = update.Progress
		from = demuxer
	}
	report := packp.NewReportStatus()
	return report, report.Decode(from)
}

// verdict is what a report comes to.
func verdict(report *packp.ReportStatus, said string) error {
	if report == nil {
		return errUnclear
	}
	refusal := ""
	if report.UnpackStatus != "ok" {
		refusal = report.UnpackStatus
	}
	for _, status := range report.CommandStatuses {
		if status.Status != "ok" && refusal == "" {
			refusal = status.Status
		}
	}
	switch {
	case refusal == "" && len(report.CommandStatuses) == 0:
		return errUnclear
	case refusal == "":
		return nil
	case meansMoved(refusal):
		return fmt.Errorf("%w: the server says: %s", errMoved, refusal)
	}
	return denied(refusal, said)
}

// meansMoved knows the words of git and of forges for a branch that somebody
// else moved first or is just moving.
func meansMoved(refusal string) bool {
	return regexp.MustCompile(`(?i)failed to (update|lock)|cannot lock|unable to (create|lock)|incorrect old value|` +
		`non-fast-forward|fetch first|stale info|reference already exists|but expected`).MatchString(refusal)
}

func denied(refusal, said string) error {
	if said = strings.TrimSpace(said); said != "" {
		return fmt.Errorf("%w: %s; the server says: %s", ErrPushDenied, refusal, said)
	}
	return fmt.Errorf("%w: the server says: %s", ErrPushDenied, refusal)
}

// unclear is for a conversation that broke after the proposal was sent.
func unclear(err error) error { return fmt.Errorf("%w: %w", errUnclear, err) }
