package forgetest

import (
	"crypto/sha1"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/internal/forge"
)

const (
	token    = "token-of-a-stage"
	pageSize = 3 // so that lists have several pages
)

// memory is a repository behind a server that answers in the form of a forge's
// documents. It knows as much of Git as the suite asks for: branches of whole
// files, and diffs of what is added.
type memory struct {
	t      *testing.T
	server *httptest.Server
	kind   forge.Kind
	refs   string // form of a pull request's ref

	mu       sync.Mutex
	serial   int
	branches map[string]map[string]string // file by path
	heads    map[string]string            // commit by ref
	pulls    []*pull
	statuses []forge.Status
}

// pull is a pull request and all that was said of it.
type pull struct {
	number            int
	title, body       string
	author            string
	head, base        string
	fork, open        bool
	merged            bool
	commit            string
	labels            []string
	comments          []*said
	lines             []*said
	created           time.Time
	files             map[string]string // what it adds, as diffs
	sourceID, project int
}

// said is a comment. On a line it has a place.
type said struct {
	id           int
	author, body string
	path         string
	line         int
	resolved     string // by whom
}

func newMemory(t *testing.T, kind forge.Kind, refs string) *memory {
	m := &memory{t: t, kind: kind, refs: refs, heads: map[string]string{}, branches: map[string]map[string]string{"main": {}, "other": {}}}
	return m
}

func (m *memory) serve(mux *http.ServeMux) {
	m.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.mu.Lock()
		defer m.mu.Unlock()
		if r.Header.Get("Authorization") != "Bearer "+token {
			answer(w, http.StatusUnauthorized, map[string]any{"message": "401 Unauthorized"})
			return
		}
		mux.ServeHTTP(w, r)
	}))
	m.t.Cleanup(m.server.Close)
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func notFound(w http.ResponseWriter) {
	answer(w, http.StatusNotFound, map[string]any{"message": "Not Found"})
}

func read(r *http.Request, into any) bool {
	data, err := io.ReadAll(r.Body)
	return err == nil && json.Unmarshal(data, into) == nil
}

func (m *memory) id() int { m.serial++; return m.serial }

// Config implements Stage.
func (m *memory) Config() forge.Config {
	file := filepath.Join(m.t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
		m.t.Fatal(err)
	}
	return forge.Config{Kind: m.kind, URL: m.server.URL, Repository: Owner + "/shop", TokenFile: file}
}

// Branch implements Stage.
func (m *memory) Branch(name string, files map[string]string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	tree := map[string]string{}
	for _, from := range []map[string]string{m.branches["main"], m.branches[name], files} {
		for path, text := range from {
			tree[path] = text
		}
	}
	m.branches[name] = tree
	commit := fmt.Sprintf("%x", sha1.Sum(fmt.Appendf(nil, "%s %d", name, m.id())))
	m.heads["refs/heads/"+name] = commit
	for _, p := range m.pulls {
		if p.head == name && !p.fork && p.open {
			m.move(p, commit)
		}
	}
	return commit
}

func (m *memory) move(p *pull, commit string) {
	p.commit, p.files = commit, map[string]string{}
	m.heads[fmt.Sprintf(m.refs, p.number)] = commit
	for path, text := range m.branches[p.head] {
		if old := m.branches[p.base][path]; old != text {
			p.files[path] = diff(old, text)
		}
	}
}

// diff is that of a file to which lines were added at its beginning.
func diff(old, now string) string {
	before, after := strings.Count(old, "\n"), strings.Count(now, "\n")
	added := strings.SplitAfter(now, "\n")[:max(after-before, 0)]
	context := min(3, before)
	kept := strings.SplitAfter(old, "\n")[:context]
	return fmt.Sprintf("@@ -%d,%d +1,%d @@\n", min(1, before), context, len(added)+context) +
		"+" + strings.Join(added, "+") + prefixed(kept)
}

func prefixed(lines []string) string {
	var out strings.Builder
	for _, l := range lines {
		out.WriteString(" " + l)
	}
	return strings.TrimSuffix(out.String(), "\n")
}

func (m *memory) add(p *pull) *pull {
	p.number, p.open, p.created = len(m.pulls)+1, true, time.Date(2026, 1, 1, 0, len(m.pulls), 0, 0, time.UTC)
	p.project, p.sourceID = 1, 1
	if p.fork {
		p.sourceID = 2
	}
	m.pulls = append(m.pulls, p)
	m.heads[fmt.Sprintf(m.refs, p.number)] = p.commit
	if !p.fork {
		m.move(p, m.heads["refs/heads/"+p.head])
	}
	return p
}

// Pull implements Stage.
func (m *memory) Pull(head, base, title string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.add(&pull{title: title, author: Owner, head: head, base: base}).number
}

// ForkPull implements Stage.
func (m *memory) ForkPull(branch, title string) (int, string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	commit := fmt.Sprintf("%x", sha1.Sum(fmt.Appendf(nil, "fork %d", m.id())))
	return m.add(&pull{title: title, author: Stranger, head: branch, base: "main", fork: true, commit: commit}).number, commit
}

// find is nil for what is not there.
func (m *memory) find(number int) *pull {
	if number < 1 || number > len(m.pulls) {
		return nil
	}
	return m.pulls[number-1]
}

func (m *memory) change(number int, by func(*pull)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	by(m.find(number))
}

// Label implements Stage.
func (m *memory) Label(number int, name string) {
	m.change(number, func(p *pull) { p.labels = append(p.labels, name) })
}

// Close implements Stage.
func (m *memory) Close(number int) { m.change(number, func(p *pull) { p.open = false }) }

// Merge implements Stage.
func (m *memory) Merge(number int) {
	m.change(number, func(p *pull) { p.open, p.merged = false, true })
}

// Resolve implements Stage.
func (m *memory) Resolve(ref string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.heads[ref]
}

// Say implements Stage.
func (m *memory) Say(number int, body string) {
	m.change(number, func(p *pull) { p.comments = append(p.comments, &said{id: m.id(), author: Stranger, body: body}) })
}

// DeleteComments implements Stage.
func (m *memory) DeleteComments(number int) {
	m.change(number, func(p *pull) {
		var kept []*said
		for _, c := range p.comments {
			if c.author != Us {
				kept = append(kept, c)
			}
		}
		p.comments = kept
	})
}

// Comments implements Stage.
func (m *memory) Comments(number int) (out []Comment) {
	m.change(number, func(p *pull) {
		for _, c := range p.comments {
			out = append(out, Comment{c.author, c.body})
		}
	})
	return out
}

// LineComments implements Stage.
func (m *memory) LineComments(number int) (out []LineComment) {
	m.change(number, func(p *pull) {
		for _, c := range p.lines {
			if c.resolved == "" {
				out = append(out, LineComment{c.path, c.line, c.body})
			}
		}
	})
	return out
}

// remove deletes the comment on a line that has an id.
func (m *memory) remove(id int) (found bool) {
	for _, p := range m.pulls {
		before := len(p.lines)
		p.lines = slices.DeleteFunc(p.lines, func(c *said) bool { return c.id == id && c.author == Us })
		found = found || len(p.lines) < before
	}
	return found
}

// Statuses implements Stage.
func (m *memory) Statuses(commit string) []forge.Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []forge.Status
	for i := len(m.statuses) - 1; i >= 0; i-- {
		if m.statuses[i].Commit == commit {
			out = append(out, m.statuses[i])
		}
	}
	return out
}

// known says whether a commit is at the end of a branch or a pull request.
func (m *memory) known(commit string) bool {
	for _, c := range m.heads {
		if c == commit {
			return true
		}
	}
	return false
}
