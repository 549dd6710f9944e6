package webhook

import (
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// tellEvery is how often at most it is told that messages were refused for a reason:
// strangers may send them by the thousand.
const tellEvery = time.Minute

// Refusal is a message that was not taken.
type Refusal struct {
	Status int    // the answer
	Reason string // what whoever set the webhook up has to know
	From   string // the sender's address, or that of the proxy in front
	More   int    // others with the same answer, of which nothing was told
}

// reasons are those that are told.
var reasons = map[int]string{
	http.StatusBadRequest:            "it can't be read as a message of the forge",
	http.StatusUnauthorized:          "it is not signed with the secret",
	http.StatusForbidden:             "it is about another repository",
	http.StatusRequestEntityTooLarge: "it is too large",
	http.StatusTooManyRequests:       "its sender sends too many",
	http.StatusServiceUnavailable:    "the secret can't be read, or too many messages are being read",
}

// refusals counts what is refused.
type refusals struct {
	mu    sync.Mutex
	all   int
	kinds map[int]*refusalKind
}

type refusalKind struct {
	told time.Time
	more int
}

// add counts one, and says whether it is to be told, and with how many others.
func (r *refusals) add(status int, now time.Time) (more int, tell bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all++
	kind := r.kinds[status]
	if kind == nil {
		if r.kinds == nil {
			r.kinds = map[int]*refusalKind{}
		}
		kind = &refusalKind{}
		r.kinds[status] = kind
	}
	if now.Sub(kind.told) < tellEvery {
		kind.more++
		return 0, false
	}
	more, kind.told, kind.more = kind.more, now, 0
	return more, true
}

// Refused is how many messages were refused.
func (h *Handler) Refused() int {
	h.refusals.mu.Lock()
	defer h.refusals.mu.Unlock()
	return h.refusals.all
}

// tell tells of a message that was refused.
func (h *Handler) tell(status int, address string) {
	reason, known := reasons[status]
	if !known {
		return
	}
	more, tell := h.refusals.add(status, h.now())
	if tell && h.config.Refused != nil {
		h.config.Refused(Refusal{status, reason, from(address), more})
	}
}

// from is the address of a sender. What is none is not repeated.
func from(address string) string {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return "unknown"
	}
	return at.Addr().Unmap().WithZone("").String()
}
