// Package engine is the port through which every effect on a Docker host
// passes: observe the host, perform one op, read a log. It knows nothing of
// plans and rollouts, and whoever uses it knows nothing of the Docker API.
//
// engine/docker is the real thing, engine/sim a simulated host, and
// engine/enginetest the one suite that both must pass: what it asserts is what
// this port promises.
package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// Engine is one Docker host. All methods may be called at once from several
// goroutines.
type Engine interface {
	// Observe reports the host as it is now. It makes one list call of the
	// containers, and inspects only those of the query's owner that it has not
	// inspected yet or has a reason to look at again; a container that does not
	// answer its inspect in time is reported without Spec, and holds up
	// nothing else. An error means that the host could not be read at all.
	Observe(ctx context.Context, q Query) (model.HostState, error)

	// Ping asks for a sign of life, at little cost: nil means that the engine
	// answers and can list its containers. One that answers and hangs when it is
	// asked for containers gives none.
	Ping(ctx context.Context) error

	// Do performs one op. File contents
	// and values of secrets are looked up in blobs. A nil error
	// means that the op's effect is there, by this call or an earlier one.
	// Every other outcome is an *Error with a class.
	Do(ctx context.Context, op model.Op, blobs model.Blobs) error

	// Pulls are the pulls at work on the host by this Engine, and how far they
	// have come. It asks nobody.
	Pulls() []model.Pull

	// Logs writes a container's output, stdout and stderr in order.
	Logs(ctx context.Context, id string, opts LogOptions, w io.Writer) error

	// Watch calls wake after anything on the host may have changed, until ctx
	// ends. Wakes are hints: some may be lost, and none says what happened.
	// It reconnects by itself, and wakes once after each reconnect.
	Watch(ctx context.Context, wake func())

	// Close releases the connection.
	Close() error
}

// VolumeRemover removes volumes. It stands apart from Engine because no op may, but
// for the own ones of a preview: what plans and performs ops never has one in its
// hands. A person asks for each removal.
type VolumeRemover interface {
	// RemoveVolume removes a volume of the owner's, with all that is in it. One
	// that a container mounts, running or not, is a Conflict, and so is one that
	// is not the owner's. One that is not there is removed already.
	RemoveVolume(ctx context.Context, name, owner string) error
}

// Query says what an observer cares about.
type Query struct {
	// Owner's containers are inspected; the others are only listed.
	Owner string
	// Images are the references whose ids on the host are wanted.
	Images []string
	// DigestKey makes the digests of the values in containers that are secret.
	// With the zero value they are reported without digest. The values
	// themselves are never reported.
	DigestKey model.DigestKey
	// Resync makes the engine forget what it cached and look at everything
	// anew.
	Resync bool
}

// LogOptions choose what of a log to read.
type LogOptions struct {
	Follow     bool
	Tail       int // last lines; 0 is all
	Since      time.Time
	Timestamps bool
	// Kept says that what is read outlives the reading, or is shown to others
	// than who asked: the secret values of the container are taken out of it. A
	// log of which they can't be taken out is an error.
	Kept bool
}

// Class sorts the outcomes of a call by what the caller can do about them.
type Class string

// The classes.
const (
	NotFound    Class = "not found"   // the thing or the image is not there
	Conflict    Class = "conflict"    // a name or port is taken, or the target is not what was expected
	Invalid     Class = "invalid"     // the engine refuses the request and would refuse it again
	Denied      Class = "denied"      // no permission, or credentials missing
	Unreachable Class = "unreachable" // no connection to the engine: the call was not or may not have been made
	Timeout     Class = "timeout"     // no answer in time: the call may have been made
	Failed      Class = "failed"      // the engine tried and failed
)

// Transient says whether trying the same again later may succeed without
// anybody changing anything.
func (c Class) Transient() bool { return c == Unreachable || c == Timeout || c == Failed }

// Error is the outcome of a call that did not succeed.
type Error struct {
	Class Class
	// Doing is what was tried, as `start container "shop-web-1-7f3a91c2"`.
	Doing string
	Host  string
	Err   error
}

// Error reads `start container "x" on host "y": cause`.
func (e *Error) Error() string {
	return fmt.Sprintf("%s on host %q: %v", e.Doing, e.Host, e.Err)
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// ClassOf is the class of err, or Failed when it has none.
func ClassOf(err error) Class {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e.Class
	case errors.Is(err, context.DeadlineExceeded):
		return Timeout
	}
	return Failed
}
