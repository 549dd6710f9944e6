package forgetest

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"testing"
	"unicode/utf8"

	"github.com/tallyman-io/tallyman/internal/forge"
)

// GitHub is a stage on a server that answers as GitHub's REST documents
// (version 2022-11-28) say.
func GitHub(t *testing.T) Stage {
	g := &githubServer{newMemory(t, forge.GitHub, "refs/pull/%d/head")}
	mux := http.NewServeMux()
	repo := "/api/v3/repos/" + Owner + "/shop"
	mux.HandleFunc("GET /api/v3/user", func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, githubUser(Us)) })
	mux.HandleFunc("GET "+repo+"/pulls", g.list)
	mux.HandleFunc("POST "+repo+"/pulls", g.create)
	mux.HandleFunc("GET "+repo+"/pulls/{n}", g.pull(func(w http.ResponseWriter, _ *http.Request, p *pull) { answer(w, 200, g.shape(p)) }))
	mux.HandleFunc("PATCH "+repo+"/pulls/{n}", g.pull(g.edit))
	mux.HandleFunc("GET "+repo+"/pulls/{n}/files", g.pull(g.files))
	mux.HandleFunc("GET "+repo+"/pulls/{n}/comments", g.pull(g.lineComments))
	mux.HandleFunc("DELETE "+repo+"/pulls/comments/{id}", g.removeComment)
	mux.HandleFunc("POST "+repo+"/pulls/{n}/reviews", g.pull(g.review))
	mux.HandleFunc("GET "+repo+"/issues/{n}/comments", g.pull(g.comments))
	mux.HandleFunc("POST "+repo+"/issues/{n}/comments", g.pull(g.comment))
	mux.HandleFunc("POST "+repo+"/issues/{n}/labels", g.pull(g.label))
	mux.HandleFunc("PATCH "+repo+"/issues/comments/{id}", g.editComment)
	mux.HandleFunc("GET "+repo+"/commits/{sha}/status", g.combined)
	mux.HandleFunc("POST "+repo+"/statuses/{sha}", g.status)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { notFound(w) })
	g.serve(mux)
	return g
}

type githubServer struct{ *memory }

// pages gives one page of a list and the Link header that leads on.
func (g *githubServer) pages(w http.ResponseWriter, r *http.Request, list []any) []any {
	page := max(1, atoi(r.URL.Query().Get("page")))
	size := min(pageSize, cmp.Or(atoi(r.URL.Query().Get("per_page")), 30))
	from, to := min(len(list), (page-1)*size), min(len(list), page*size)
	if to < len(list) {
		q := r.URL.Query()
		q.Set("page", strconv.Itoa(page+1))
		next := url.URL{Scheme: "http", Host: r.Host, Path: r.URL.Path, RawQuery: q.Encode()}
		w.Header().Set("Link", fmt.Sprintf(`<%s>; rel="next"`, next.String()))
	}
	return append([]any{}, list[from:to]...)
}

func atoi(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

func (g *githubServer) pull(do func(http.ResponseWriter, *http.Request, *pull)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p := g.find(atoi(r.PathValue("n")))
		if p == nil {
			notFound(w)
			return
		}
		do(w, r, p)
	}
}

func githubUser(login string) map[string]any {
	return map[string]any{"login": login, "id": len(login), "type": "User", "site_admin": false}
}

func (g *githubServer) shape(p *pull) map[string]any {
	state, labels := "open", []any{}
	var mergedAt any
	if !p.open {
		state = "closed"
	}
	if p.merged {
		mergedAt = "2026-01-02T00:00:00Z"
	}
	for i, l := range p.labels {
		labels = append(labels, map[string]any{"id": i, "name": l, "color": "ededed", "default": false})
	}
	side := func(ref, commit, owner string, id int) map[string]any {
		return map[string]any{
			"label": owner + ":" + ref, "ref": ref, "sha": commit, "user": githubUser(owner),
			"repo": map[string]any{"id": id, "name": "shop", "full_name": owner + "/shop", "fork": id == 2},
		}
	}
	return map[string]any{
		"number": p.number, "state": state, "title": p.title, "body": p.body, "user": githubUser(p.author),
		"html_url": fmt.Sprintf("%s/%s/shop/pull/%d", g.server.URL, Owner, p.number), "labels": labels, "draft": false,
		"created_at": p.created, "updated_at": p.created, "merged_at": mergedAt,
		"head": side(p.head, p.commit, p.author, p.sourceID), "base": side(p.base, "b", Owner, p.project),
	}
}

func (g *githubServer) list(w http.ResponseWriter, r *http.Request) {
	q, list := r.URL.Query(), []any{}
	for _, p := range g.pulls {
		if base := q.Get("base"); p.open && (base == "" || base == p.base) {
			list = append(list, g.shape(p))
		}
	}
	answer(w, 200, g.pages(w, r, list))
}

func (g *githubServer) create(w http.ResponseWriter, r *http.Request) {
	var in struct{ Title, Head, Base, Body string }
	if !read(r, &in) || g.branches[in.Head] == nil {
		answer(w, 422, map[string]any{"message": "Validation Failed", "errors": []any{map[string]any{"resource": "PullRequest", "field": "head", "code": "invalid"}}})
		return
	}
	answer(w, 201, g.shape(g.add(&pull{title: in.Title, body: in.Body, author: Us, head: in.Head, base: in.Base})))
}

func (g *githubServer) edit(w http.ResponseWriter, r *http.Request, p *pull) {
	var in struct{ Title, Body, State *string }
	if !read(r, &in) || in.State != nil && *in.State != "open" && *in.State != "closed" {
		answer(w, 400, map[string]any{"message": "Problems parsing JSON"})
		return
	}
	if in.Title != nil {
		p.title = *in.Title
	}
	if in.Body != nil {
		p.body = *in.Body
	}
	if in.State != nil {
		p.open = *in.State == "open"
	}
	answer(w, 200, g.shape(p))
}

func (g *githubServer) label(w http.ResponseWriter, r *http.Request, p *pull) {
	var names []string // an object with them is documented too
	if !read(r, &names) {
		answer(w, 400, map[string]any{"message": "Problems parsing JSON"})
		return
	}
	p.labels = append(p.labels, names...)
	answer(w, 200, []any{})
}

func (g *githubServer) files(w http.ResponseWriter, r *http.Request, p *pull) {
	list := []any{}
	for _, path := range slices.Sorted(maps.Keys(p.files)) {
		list = append(list, map[string]any{"filename": path, "status": "modified", "patch": p.files[path]})
	}
	answer(w, 200, g.pages(w, r, list))
}

func githubComment(c *said) map[string]any {
	out := map[string]any{"id": c.id, "body": c.body, "user": githubUser(c.author), "created_at": "2026-01-01T00:00:00Z"}
	if c.path != "" {
		out["path"], out["line"], out["side"] = c.path, c.line, "RIGHT"
	}
	return out
}

func (g *githubServer) comments(w http.ResponseWriter, r *http.Request, p *pull) {
	list := []any{}
	for _, c := range p.comments {
		list = append(list, githubComment(c))
	}
	answer(w, 200, g.pages(w, r, list))
}

func (g *githubServer) lineComments(w http.ResponseWriter, r *http.Request, p *pull) {
	list := []any{}
	for _, c := range p.lines {
		list = append(list, githubComment(c))
	}
	answer(w, 200, g.pages(w, r, list))
}

func (g *githubServer) removeComment(w http.ResponseWriter, r *http.Request) {
	if !g.remove(atoi(r.PathValue("id"))) {
		notFound(w)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func tooLong(w http.ResponseWriter, body string) bool {
	if utf8.RuneCountInString(body) <= 65536 {
		return false
	}
	answer(w, 422, map[string]any{"message": "Validation Failed", "errors": []any{"body is too long (maximum is 65536 characters)"}})
	return true
}

func (g *githubServer) comment(w http.ResponseWriter, r *http.Request, p *pull) {
	var in struct{ Body string }
	if !read(r, &in) || tooLong(w, in.Body) {
		return
	}
	c := &said{id: g.id(), author: Us, body: in.Body}
	p.comments = append(p.comments, c)
	answer(w, 201, githubComment(c))
}

func (g *githubServer) editComment(w http.ResponseWriter, r *http.Request) {
	var in struct{ Body string }
	for _, p := range g.pulls {
		for _, c := range p.comments {
			if c.id != atoi(r.PathValue("id")) {
				continue
			}
			if c.author != Us {
				answer(w, 403, map[string]any{"message": "Must have admin rights to Repository."})
			} else if read(r, &in) && !tooLong(w, in.Body) {
				c.body = in.Body
				answer(w, 200, githubComment(c))
			}
			return
		}
	}
	notFound(w)
}

// review refuses all of it when one line is not of the diff, as GitHub does.
func (g *githubServer) review(w http.ResponseWriter, r *http.Request, p *pull) {
	var in struct {
		Event, Body string
		Commit      string `json:"commit_id"`
		Comments    []struct {
			Path, Side, Body string
			Line             int
		}
	}
	if !read(r, &in) || in.Body == "" || in.Event != "COMMENT" || in.Commit != p.commit {
		answer(w, 422, map[string]any{"message": "Unprocessable Entity"})
		return
	}
	for _, c := range in.Comments {
		if !shows(p.files[c.Path], c.Line) || c.Side != "RIGHT" {
			answer(w, 422, map[string]any{"message": "Unprocessable Entity", "errors": []any{"Pull request review thread line must be part of the diff"}})
			return
		}
	}
	for _, c := range in.Comments {
		p.lines = append(p.lines, &said{id: g.id(), author: Us, body: c.Body, path: c.Path, line: c.Line})
	}
	answer(w, 200, map[string]any{"id": g.id(), "body": in.Body, "state": "COMMENTED"})
}

// shows says whether a diff made here, which begins with the first line, has a
// line of the new file.
func shows(diff string, line int) bool {
	var before, lines, after int
	if _, err := fmt.Sscanf(diff, "@@ -%d,%d +1,%d @@", &before, &lines, &after); err != nil {
		return false
	}
	return line >= 1 && line <= after
}

func (g *githubServer) combined(w http.ResponseWriter, r *http.Request) {
	list, seen := []any{}, map[string]bool{}
	for i := len(g.statuses) - 1; i >= 0; i-- {
		if s := g.statuses[i]; s.Commit == r.PathValue("sha") && !seen[s.Context] {
			seen[s.Context] = true
			list = append(list, map[string]any{"id": i, "state": s.Verdict, "context": s.Context, "description": s.Description, "target_url": s.URL})
		}
	}
	answer(w, 200, map[string]any{"state": "pending", "sha": r.PathValue("sha"), "total_count": len(list), "statuses": g.pages(w, r, list)})
}

func (g *githubServer) status(w http.ResponseWriter, r *http.Request) {
	var in struct {
		State, Context, Description string
		Target                      string `json:"target_url"`
	}
	if !read(r, &in) || !g.known(r.PathValue("sha")) || utf8.RuneCountInString(in.Description) > 140 {
		answer(w, 422, map[string]any{"message": "No commit found for SHA, or description is too long (maximum is 140 characters)"})
		return
	}
	g.statuses = append(g.statuses, forge.Status{
		Commit: r.PathValue("sha"), Context: in.Context, Verdict: forge.Verdict(in.State), Description: in.Description, URL: in.Target,
	})
	answer(w, 201, map[string]any{"id": g.id(), "state": in.State})
}
