package forge

import (
	"context"
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

const (
	maxTries = 4
	// limitTime is how long a forge is left alone that says neither how long
	// nor until when; GitHub asks for a minute at least.
	limitTime = time.Minute
	// maxLimitTime bounds what a forge may ask for.
	maxLimitTime = 24 * time.Hour
)

// pace is when a request may be sent again, and when none may.
type pace struct {
	least, most time.Duration // between two tries

	mu    sync.Mutex
	until time.Time
}

// closed says whether the forge wants to be left alone, and until when.
func (p *pace) closed(now time.Time) (time.Time, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.until, now.Before(p.until)
}

func (p *pace) close(e *Error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e.Class == RateLimited && e.Until.After(p.until) {
		p.until = e.Until
	}
}

// retries sends requests by next, again where that can help and do no harm.
func (p *pace) retries(next http.RoundTripper) *retryablehttp.Client {
	return &retryablehttp.Client{
		HTTPClient: &http.Client{
			Transport: next, Timeout: tryTime,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		RetryMax: maxTries - 1, RetryWaitMin: p.least, RetryWaitMax: p.most,
		CheckRetry: p.again, Backoff: backoff,
		ErrorHandler: lastAnswer,
	}
}

// lastAnswer gives the last answer back when there were enough tries.
func lastAnswer(answer *http.Response, err error, _ int) (*http.Response, error) {
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// again says whether to try again. What the forge may have carried out is
// repeated only where twice is the same as once.
func (p *pace) again(ctx context.Context, answer *http.Response, err error) (bool, error) {
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if err != nil {
		return harmless(err), nil
	}
	if limited(answer) {
		return time.Until(until(answer, time.Now())) <= p.most, nil
	}
	switch answer.StatusCode {
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return answer.Request.Method != http.MethodPost, nil
	}
	return false, nil
}

// harmless says that a request without an answer may be sent again.
func harmless(err error) bool {
	var refused refusal
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &refused) || errors.As(err, &certificate) {
		return false
	}
	if answer, _ := tokenAnswer(err); answer != nil {
		return answer.StatusCode >= 500
	}
	var dial *net.OpError
	if errors.As(err, &dial) && dial.Op == "dial" {
		return true
	}
	var sent *url.Error
	return errors.As(err, &sent) && sent.Op != "Post"
}

// backoff is how long to wait: as long as the forge says, or for a random part
// of a time that doubles, so that many don't come back at once.
func backoff(least, most time.Duration, try int, answer *http.Response) time.Duration {
	if answer != nil && limited(answer) {
		return max(least, min(most, time.Until(until(answer, time.Now()))))
	}
	span := min(most, least<<try)
	return span/2 + rand.N(span/2+1)
}

// limited says whether an answer is about too many requests. GitHub says 403
// too, of which there are others.
func limited(answer *http.Response) bool {
	switch answer.StatusCode {
	case http.StatusTooManyRequests:
		return true
	case http.StatusServiceUnavailable:
		return answer.Header.Get("Retry-After") != ""
	case http.StatusForbidden:
		return answer.Header.Get("Retry-After") != "" || answer.Header.Get("X-RateLimit-Remaining") == "0"
	}
	return false
}

// until is when a forge takes requests again: GitHub and GitLab say so in
// headers of their own, all of them in Retry-After, in seconds or as a date.
func until(answer *http.Response, now time.Time) time.Time {
	at := now.Add(limitTime)
	if later := answer.Header.Get("Retry-After"); later != "" {
		if seconds, err := strconv.ParseUint(later, 10, 31); err == nil {
			at = now.Add(time.Duration(seconds) * time.Second)
		} else if date, err := http.ParseTime(later); err == nil {
			at = date
		}
	} else {
		for _, name := range []string{"X-RateLimit-Reset", "RateLimit-Reset"} {
			if epoch, err := strconv.ParseInt(answer.Header.Get(name), 10, 64); err == nil {
				at = time.Unix(epoch, 0)
				break
			}
		}
	}
	if latest := now.Add(maxLimitTime); at.After(latest) {
		return latest
	}
	return at
}
