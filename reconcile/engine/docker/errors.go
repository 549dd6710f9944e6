package docker

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"regexp"
	"strings"
	"syscall"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/client"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// classed is an outcome whose class this package has decided itself.
type classed struct {
	class engine.Class
	text  string
}

func (c classed) Error() string { return c.text }

// textRule reads the class from the engine's words, where its status code
// does not tell.
type textRule struct {
	words string
	class engine.Class
}

// textRules are tried in order, before the status code. The engine answers
// 500 to nearly everything that goes wrong while it sets a container up.
func textRules() []textRule {
	return []textRule{
		{"port is already allocated", engine.Conflict},
		{"address already in use", engine.Conflict},
		{"has active endpoints", engine.Conflict},
		{"matches found on name", engine.Failed}, // two networks of one name, of which one is about to go
		{"pull access denied", engine.Denied},
		{"no basic auth credentials", engine.Denied},
		{"authentication required", engine.Denied},
		{"manifest unknown", engine.NotFound},
		{"invalid reference format", engine.Invalid},
		{"permission denied while trying to connect", engine.Denied},
	}
}

// classify sorts an error of the client and gives it words without the
// client's and the engine's wrapping.
func classify(err error) (engine.Class, error) {
	var known classed
	if errors.As(err, &known) {
		return known.class, err
	}
	var lost *astray
	if errors.As(err, &lost) {
		return lost.class, lost
	}
	if class, ok := interrupted(err); ok {
		if errors.Is(err, context.DeadlineExceeded) {
			err = noAnswer{err}
		}
		return class, err
	}
	text := clean(err.Error())
	for _, rule := range textRules() {
		if strings.Contains(text, rule.words) {
			return rule.class, errors.New(portTaken(text))
		}
	}
	return statusClass(err), errors.New(text)
}

// noAnswer says of a call that ran into its deadline what the client says with the
// whole address and the words of Go's runtime.
type noAnswer struct{ error }

func (noAnswer) Error() string   { return "no answer in time" }
func (n noAnswer) Unwrap() error { return n.error }

// interrupted are calls of which nobody knows whether they were made.
func interrupted(err error) (engine.Class, bool) {
	var timeout net.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled), errors.Is(err, os.ErrDeadlineExceeded):
		return engine.Timeout, true
	case errors.As(err, &timeout) && timeout.Timeout():
		return engine.Timeout, true
	}
	return "", false
}

func statusClass(err error) engine.Class {
	switch {
	case unreachable(err):
		return engine.Unreachable
	case errdefs.IsNotFound(err):
		return engine.NotFound
	case errdefs.IsConflict(err), errdefs.IsAlreadyExists(err), errdefs.IsFailedPrecondition(err):
		return engine.Conflict
	case errdefs.IsInvalidArgument(err), errdefs.IsNotImplemented(err), errdefs.IsOutOfRange(err):
		return engine.Invalid
	case errdefs.IsUnauthorized(err), errdefs.IsPermissionDenied(err):
		return engine.Denied
	}
	return engine.Failed
}

func unreachable(err error) bool {
	var op *net.OpError
	return client.IsErrConnectionFailed(err) || errors.As(err, &op) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, net.ErrClosed)
}

// wrappings are what the client, the engine, its shim and runc put around the
// one sentence that says what is wrong. Over ssh the client believes the engine
// to be at an address that means nothing to anybody.
var wrappings = regexp.MustCompile(`[A-Z][a-z]+ "http://engine/[^"]*": |Error response from daemon: |Error: |error during connect: |` +
	`OCI runtime create failed: |runc create failed: |failed to create task for container: |` +
	`failed to create shim task: |container_linux\.go:\d+: |process_linux\.go:\d+: |` +
	`unable to start container process: |starting container process caused: |(: unknown)+$`)

func clean(text string) string {
	return strings.TrimSpace(wrappings.ReplaceAllString(text, ""))
}

// takenPort finds the port in `Bind for 0.0.0.0:80 failed: port is already
// allocated` and `listen tcp4 0.0.0.0:80: bind: address already in use`.
var takenPort = regexp.MustCompile(`:(\d+)(?: failed)?: (?:port is already allocated|bind: address already in use)`)

func portTaken(text string) string {
	if m := takenPort.FindStringSubmatch(text); m != nil {
		return "port " + m[1] + " is already taken on the host"
	}
	return text
}

// lostTrack is what an engine says that was ended in the middle of a start, and
// has left something of it behind that it does not know any more and that every
// further start runs into: a task of containerd's, a folder of its, or an end of a
// network.
var lostTrack = regexp.MustCompile(`task [0-9a-f]{64}: already exists|mkdir \S+/[0-9a-f]{64}: file exists|endpoint with name \S+ already exists in network`)

// wedged says of the error of a container's last start that there is no use in
// another one.
func wedged(startError string) bool { return lostTrack.MatchString(startError) }

// scrub takes secret values out of an error's text: an engine that refuses a
// container may repeat its environment. What the manifests say in plain is left,
// because it is a part of other words as well.
func scrub(err error, values []string) error {
	if err == nil {
		return nil
	}
	text := model.Scrub(err.Error(), values)
	if text == err.Error() {
		return err
	}
	class, _ := classify(err)
	return classed{class, clean(text)}
}

func conflict(text string) error { return classed{engine.Conflict, text} }
func invalid(text string) error  { return classed{engine.Invalid, text} }
func missing(text string) error  { return classed{engine.NotFound, text} }
