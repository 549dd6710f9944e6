package registry

import (
	"errors"
	"fmt"
	"time"
)

// Class sorts failures by what can be done about them.
type Class string

// The classes.
const (
	NotFound    Class = "not found"    // the registry has no such image
	Denied      Class = "denied"       // credentials are missing or wrong, or don't suffice
	RateLimited Class = "rate limited" // too many requests; RetryAfter may say when to come back
	Unreachable Class = "unreachable"  // no answer, or an answer that may be another one later
	Invalid     Class = "invalid"      // not a reference, or not an answer of a registry
)

// Transient says whether the same may succeed later without anybody changing
// anything.
func (c Class) Transient() bool { return c == RateLimited || c == Unreachable }

// Error is why a reference could not be resolved.
type Error struct {
	Class    Class
	Ref      string
	Registry string // "" when the reference names none
	// RetryAfter is how long the registry wants to be left alone; 0 when it did
	// not say.
	RetryAfter time.Duration
	// Cause is in words; it holds no credentials.
	Cause string
}

// Error reads `resolve image "web:1.4": registry "registry.example.com" has no
// such image; …`.
func (e *Error) Error() string { return fmt.Sprintf("resolve image %q: %s", e.Ref, e.reason()) }

func (e *Error) reason() string {
	switch e.Class {
	case NotFound:
		return fmt.Sprintf("registry %q has no such image; if it is only on the hosts, set pull: never", e.Registry)
	case Denied:
		return fmt.Sprintf("registry %q denies access; check the name and its credentials (%s)", e.Registry, e.Cause)
	case RateLimited:
		return fmt.Sprintf("registry %q takes no more requests for now; log in there, or wait", e.Registry)
	case Unreachable:
		return fmt.Sprintf("registry %q can't be reached: %s", e.Registry, e.Cause)
	}
	return e.Cause
}

// Refused says that the registry did answer, and does not give the image out.
func (e *Error) Refused() bool { return e.Class == NotFound || e.Class == Denied }

// ClassOf is the class of err, or Unreachable when it has none.
func ClassOf(err error) Class {
	var e *Error
	if errors.As(err, &e) {
		return e.Class
	}
	return Unreachable
}

// retryAfter is how long the registry wants to be left alone.
func retryAfter(err error) time.Duration {
	var e *Error
	if errors.As(err, &e) {
		return e.RetryAfter
	}
	return 0
}
