package forge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Class sorts failures by what can be done about them.
type Class string

// The classes.
const (
	NotFound    Class = "not found"    // no such repository, pull request or commit, or the token may not see it
	Denied      Class = "denied"       // the token is missing or wrong, or doesn't suffice
	RateLimited Class = "rate limited" // too many requests; Until says when to come back
	Unreachable Class = "unreachable"  // no answer, or an answer that may be another one later
	Invalid     Class = "invalid"      // the forge does not take what it was sent
)

// Error is why a forge did not do something.
type Error struct {
	Class Class
	Forge string // its host
	// Until is when a forge takes requests again; zero when it did not say.
	Until time.Time
	// Cause is in words; it holds no token.
	Cause string

	err error
}

// Error reads `forge "git.example.com" denies it: …`.
func (e *Error) Error() string {
	switch e.Class {
	case NotFound:
		return fmt.Sprintf("forge %q has nothing there (%s); check the name, and that the token may see it", e.Forge, e.Cause)
	case Denied:
		return fmt.Sprintf("forge %q denies it (%s); check the token and its rights", e.Forge, e.Cause)
	case RateLimited:
		return fmt.Sprintf("forge %q takes no more requests until %s", e.Forge, e.Until.UTC().Format(time.RFC3339))
	case Unreachable:
		return fmt.Sprintf("forge %q can't be reached: %s", e.Forge, e.Cause)
	}
	return fmt.Sprintf("forge %q refuses it: %s", e.Forge, e.Cause)
}

// Unwrap is the end of the caller's context, or errLarge, where that is the cause.
func (e *Error) Unwrap() error { return e.err }

// ClassOf is the class of err, or "" when it has none.
func ClassOf(err error) Class {
	var e *Error
	if errors.As(err, &e) {
		return e.Class
	}
	return ""
}

// wrap says what an error kept from being done. What SDKs say beside that is
// left out: they name addresses and numbers of tries.
func (w *wire) wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	doing := fmt.Sprintf(format, args...)
	var e *Error
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	var mine unreadable
	switch {
	case errors.As(err, &e):
		return fmt.Errorf("%s: %w", doing, e)
	case errors.As(err, &mine):
		return fmt.Errorf("%s: %w", doing, mine)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s: %w", doing, w.unreachable(err))
	case errors.As(err, &syntax), errors.As(err, &kind):
		return fmt.Errorf("%s: %w", doing, w.unreachable(fmt.Errorf("the answer is not of the API: %w", err)))
	}
	return fmt.Errorf("%s: %s", doing, w.scrub(err.Error()))
}

// unreachable is why there is no answer, in the words of the innermost error
// that has the whole cause.
func (w *wire) unreachable(err error) *Error {
	e := &Error{Class: Unreachable, Forge: w.host}
	for _, end := range []error{context.Canceled, context.DeadlineExceeded, errLarge} {
		if errors.Is(err, end) {
			e.err = end
		}
	}
	var u *url.Error
	for errors.As(err, &u) {
		err = u.Err
	}
	e.Cause = w.scrub(err.Error())
	return e
}

// refused is an answer that is an error.
func (w *wire) refused(answer *http.Response, body []byte) *Error {
	e := &Error{Class: Invalid, Forge: w.host, Cause: w.scrub(causeOf(answer.StatusCode, body))}
	switch status := answer.StatusCode; {
	case limited(answer):
		e.Class, e.Until = RateLimited, until(answer, time.Now())
	case status == http.StatusNotFound, status == http.StatusGone:
		e.Class = NotFound
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		e.Class = Denied
	case status >= 500, status == http.StatusRequestTimeout:
		e.Class = Unreachable
	}
	return e
}

// maxCause bounds what is repeated of an answer, in bytes.
const maxCause = 300

// causeOf is what the forge says, beside the number: GitHub and Gitea have a
// message, GitLab has messages of any form.
func causeOf(status int, body []byte) string {
	cause := fmt.Sprintf("%d %s", status, http.StatusText(status))
	var said struct {
		Message json.RawMessage `json:"message"`
		Error   json.RawMessage `json:"error"`
		Errors  json.RawMessage `json:"errors"`
	}
	if json.Unmarshal(body, &said) != nil {
		return cause
	}
	for _, part := range []json.RawMessage{said.Message, said.Error, said.Errors} {
		var text string
		if json.Unmarshal(part, &text) != nil {
			text = string(part)
		}
		if text != "" && text != "null" {
			cause += ": " + text
		}
	}
	return cause
}

// scrub makes what others say fit for a message: one line, bounded, and
// without a token that somebody sent back.
func (w *wire) scrub(text string) string {
	for _, secret := range w.secrets() {
		text = strings.ReplaceAll(text, secret, "…")
	}
	text = strings.Map(func(r rune) rune {
		if r < 0x20 || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, text)
	if len(text) > maxCause {
		text = strings.ToValidUTF8(text[:maxCause], "") + "…"
	}
	return text
}
