package webhook

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/tallyman-io/tallyman/internal/hooksign"
)

// Kind is who sends the messages, and so how they are signed and what they say.
type Kind string

// The kinds. Forgejo sends what Gitea does; Generic is for everything else, and is
// understood beside each of the others.
const (
	GitHub  Kind = "github"
	GitLab  Kind = "gitlab"
	Gitea   Kind = "gitea"
	Generic Kind = "generic"
)

const (
	maxBody   = 3 << 20 // bytes
	minSecret = 16      // bytes
	// maxBodies is how many bodies are read at a time: what whoever has no
	// secret can make it hold is that many of them. One address may have a part
	// of these, since sending a body may be drawn out until the server's
	// deadline, and nobody else would be heard until then.
	maxBodies  = 12
	bodiesEach = 3
)

// Config is whose messages are taken.
type Config struct {
	Kind Kind
	// SecretFile holds what the messages are signed with. It is read anew for
	// each, so that it can be renewed.
	SecretFile string
	// Repositories are those to be told of, as URLs or as owner/name.
	Repositories []string
	// Refused is told of messages that are not taken, of each kind now and then; nil
	// is not.
	Refused func(Refusal)
}

// Handler takes messages and keeps what they say until Take.
type Handler struct {
	config  Config
	now     func() time.Time
	sources sources
	reading places
	seen    seen
	queue   queue

	refusals refusals
}

// New makes a Handler. A secret that can't be used is an error at once.
func New(c Config) (*Handler, error) {
	if _, found := formats[c.Kind]; !found {
		return nil, fmt.Errorf("take webhooks of %q: there are %s, %s, %s and %s", c.Kind, GitHub, GitLab, Gitea, Generic)
	}
	if len(c.Repositories) == 0 {
		return nil, errors.New("take webhooks: no repository is named that they may be about")
	}
	h := &Handler{config: c, now: time.Now, queue: queue{wake: make(chan struct{}, 1)}}
	_, err := h.secret()
	return h, err
}

// secret is never repeated in an error.
func (h *Handler) secret() ([]byte, error) {
	data, err := os.ReadFile(h.config.SecretFile)
	if err != nil {
		return nil, fmt.Errorf("read secret of webhooks: %w", err)
	}
	secret := strings.TrimSpace(string(data))
	if len(secret) < minSecret {
		return nil, fmt.Errorf("read secret of webhooks: file %q holds fewer than %d bytes; make one with: openssl rand -hex 32", h.config.SecretFile, minSecret)
	}
	return []byte(secret), nil
}

// Server is an HTTP server that gives nobody much time.
func Server(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       20 * time.Second,
		WriteTimeout:      20 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
}

// ServeHTTP implements http.Handler. Of what is refused it says no more than
// whoever sends by right has to know.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status := h.take(w, r)
	h.tell(status, r.RemoteAddr)
	switch status {
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", http.MethodPost)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "60")
	}
	http.Error(w, http.StatusText(status), status)
}

func (h *Handler) take(w http.ResponseWriter, r *http.Request) int {
	if r.Method != http.MethodPost {
		return http.StatusMethodNotAllowed
	}
	if !h.sources.allow(r.RemoteAddr, h.now()) {
		return http.StatusTooManyRequests
	}
	secret, err := h.secret()
	if err != nil {
		return http.StatusServiceUnavailable
	}
	f := h.format(r.Header)
	proven := f.signed(head{r.Header, secret, h.now()})
	if proven == nil {
		return http.StatusUnauthorized
	}
	if !h.reading.take(r.RemoteAddr) {
		return http.StatusServiceUnavailable
	}
	defer h.reading.leave(r.RemoteAddr)
	body, status := read(w, r, proven)
	if status != http.StatusOK {
		return status
	}
	return h.hear(f, r.Header, body)
}

// format is what the headers claim to be: the generic one has its own, and without
// it a message is of the forge. Each has to prove itself in its own way.
func (h *Handler) format(header http.Header) format {
	if header.Get(hooksign.HeaderSignature) != "" {
		return formats[Generic]
	}
	return formats[h.config.Kind]
}

// read takes the body, which nothing vouches for until it is there.
func read(w http.ResponseWriter, r *http.Request, proven proof) ([]byte, int) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, http.StatusRequestEntityTooLarge
	case err != nil:
		return nil, http.StatusBadRequest
	case !proven(body):
		return nil, http.StatusUnauthorized
	}
	return body, http.StatusOK
}

// hear takes in what was signed.
func (h *Handler) hear(f format, header http.Header, body []byte) int {
	if f.form {
		body = payload(header, body)
	}
	about, err := f.parse(body)
	if err != nil {
		return http.StatusBadRequest
	}
	repository, allowed := h.allowed(about.names)
	if !allowed {
		return http.StatusForbidden
	}
	if h.seen.before(header.Get(f.delivery)) || !about.worth {
		return http.StatusAccepted
	}
	h.queue.put(Hint{Repository: repository, Ref: about.ref, PullRequest: about.number})
	return http.StatusAccepted
}

// allowed is the configured repository that a message is about. A message
// without one (a test of the connection) is about none in particular.
func (h *Handler) allowed(names []string) (string, bool) {
	for _, mine := range h.config.Repositories {
		for _, name := range names {
			if same(mine, name) {
				return mine, true
			}
		}
	}
	return "", false
}

// same compares what may be URLs of several schemes, or names.
func same(mine, name string) bool { return name != "" && plain(mine) == plain(name) }

// plain is host/owner/name of a URL, and owner/name of a name.
func plain(address string) string {
	scheme, rest, isURL := strings.Cut(address, "://")
	if !isURL {
		rest = address
	}
	host, path, _ := strings.Cut(rest, "/")
	if _, after, found := strings.Cut(host, "@"); found { // credentials, or the user of ssh
		host = after
	}
	if before, after, found := strings.Cut(host, ":"); found {
		switch {
		case !isURL: // host:path
			host, path = before, strings.TrimPrefix(after+"/"+path, "/")
		case scheme == "ssh": // its port is not the web's
			host = before
		}
	}
	path = strings.TrimSuffix(strings.Trim(path, "/"), ".git")
	return strings.ToLower(host + "/" + strings.TrimSuffix(path, "/"))
}
