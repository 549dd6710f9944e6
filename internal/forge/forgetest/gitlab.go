package forgetest

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tallyman-io/tallyman/internal/forge"
)

// GitLab is a stage on a server that answers as GitLab's documents of its REST
// API (v4) say.
func GitLab(t *testing.T) Stage {
	g := &gitlabServer{newMemory(t, forge.GitLab, "refs/merge-requests/%d/head")}
	mux := http.NewServeMux()
	handle := func(pattern string, do http.HandlerFunc) {
		method, path, _ := strings.Cut(pattern, " ")
		mux.HandleFunc(method+" /api/v4/projects/{project}"+path, func(w http.ResponseWriter, r *http.Request) {
			if r.PathValue("project") != Owner+"/shop" {
				answer(w, 404, map[string]any{"message": "404 Project Not Found"})
				return
			}
			do(w, r)
		})
	}
	mux.HandleFunc("GET /api/v4/user", func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, gitlabUser(Us)) })
	handle("GET /merge_requests", g.list)
	handle("POST /merge_requests", g.create)
	handle("GET /merge_requests/{n}", g.pull(func(w http.ResponseWriter, _ *http.Request, p *pull) { answer(w, 200, g.shape(p)) }))
	handle("PUT /merge_requests/{n}", g.pull(g.edit))
	handle("GET /merge_requests/{n}/diffs", g.pull(g.diffs))
	handle("GET /merge_requests/{n}/notes", g.pull(g.notes))
	handle("POST /merge_requests/{n}/notes", g.pull(g.note))
	handle("PUT /merge_requests/{n}/notes/{id}", g.pull(g.editNote))
	handle("GET /merge_requests/{n}/discussions", g.pull(g.discussions))
	handle("POST /merge_requests/{n}/discussions", g.pull(g.discuss))
	handle("PUT /merge_requests/{n}/discussions/{id}", g.pull(g.resolve))
	handle("GET /repository/commits/{sha}/statuses", g.newest)
	handle("POST /statuses/{sha}", g.status)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { notFound(w) })
	g.serve(mux)
	return g
}

type gitlabServer struct{ *memory }

// pages gives one page of a list; its headers say which is the next.
func (g *gitlabServer) pages(w http.ResponseWriter, r *http.Request, list []any) []any {
	page := max(1, atoi(r.URL.Query().Get("page")))
	size := min(pageSize, cmp.Or(atoi(r.URL.Query().Get("per_page")), 20))
	from, to := min(len(list), (page-1)*size), min(len(list), page*size)
	next := ""
	if to < len(list) {
		next = strconv.Itoa(page + 1)
	}
	w.Header().Set("X-Page", strconv.Itoa(page))
	w.Header().Set("X-Per-Page", strconv.Itoa(size))
	w.Header().Set("X-Next-Page", next)
	w.Header().Set("X-Total", strconv.Itoa(len(list)))
	return append([]any{}, list[from:to]...)
}

func (g *gitlabServer) pull(do func(http.ResponseWriter, *http.Request, *pull)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p := g.find(atoi(r.PathValue("n")))
		if p == nil {
			answer(w, 404, map[string]any{"message": "404 Not found"})
			return
		}
		do(w, r, p)
	}
}

func gitlabUser(name string) map[string]any {
	return map[string]any{"id": len(name), "username": name, "name": strings.ToUpper(name), "state": "active"}
}

func (g *gitlabServer) shape(p *pull) map[string]any {
	state := "opened"
	switch {
	case p.merged:
		state = "merged"
	case !p.open:
		state = "closed"
	}
	return map[string]any{
		"id": 100 + p.number, "iid": p.number, "project_id": p.project, "title": p.title, "description": p.body, "state": state,
		"created_at": p.created, "updated_at": p.created, "source_branch": p.head, "target_branch": p.base,
		"source_project_id": p.sourceID, "target_project_id": p.project, "author": gitlabUser(p.author),
		"labels": append([]string{}, p.labels...), "sha": p.commit,
		"web_url":   fmt.Sprintf("%s/%s/shop/-/merge_requests/%d", g.server.URL, Owner, p.number),
		"diff_refs": map[string]any{"base_sha": "base", "start_sha": "start", "head_sha": p.commit},
	}
}

func (g *gitlabServer) list(w http.ResponseWriter, r *http.Request) {
	q, list := r.URL.Query(), []any{}
	for _, p := range g.pulls {
		if base := q.Get("target_branch"); (q.Get("state") != "opened" || p.open) && (base == "" || base == p.base) {
			list = append(list, g.shape(p))
		}
	}
	answer(w, 200, g.pages(w, r, list))
}

func (g *gitlabServer) create(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Title, Description string
		Source             string `json:"source_branch"`
		Target             string `json:"target_branch"`
	}
	if !read(r, &in) || g.branches[in.Source] == nil {
		answer(w, 400, map[string]any{"message": []string{"source_branch does not exist"}})
		return
	}
	answer(w, 201, g.shape(g.add(&pull{title: in.Title, body: in.Description, author: Us, head: in.Source, base: in.Target})))
}

func (g *gitlabServer) edit(w http.ResponseWriter, r *http.Request, p *pull) {
	var in struct {
		Title, Description *string
		Labels             string `json:"add_labels"`
		Event              string `json:"state_event"`
	}
	if !read(r, &in) || in.Event != "" && in.Event != "close" && in.Event != "reopen" {
		answer(w, 400, map[string]any{"error": "title, description, add_labels are missing, at least one parameter must be provided"})
		return
	}
	if in.Title != nil {
		p.title = *in.Title
	}
	if in.Description != nil {
		p.body = *in.Description
	}
	if in.Labels != "" {
		p.labels = append(p.labels, strings.Split(in.Labels, ",")...)
	}
	if in.Event != "" {
		p.open = in.Event == "reopen"
	}
	answer(w, 200, g.shape(p))
}

func (g *gitlabServer) diffs(w http.ResponseWriter, r *http.Request, p *pull) {
	list := []any{}
	for _, path := range slices.Sorted(maps.Keys(p.files)) {
		list = append(list, map[string]any{"old_path": path, "new_path": path, "diff": p.files[path], "new_file": false, "renamed_file": false})
	}
	answer(w, 200, g.pages(w, r, list))
}

func gitlabNote(c *said) map[string]any {
	out := map[string]any{"id": c.id, "body": c.body, "author": gitlabUser(c.author), "system": false, "noteable_type": "MergeRequest"}
	if c.path != "" {
		out["type"], out["resolvable"], out["resolved"] = "DiffNote", true, c.resolved != ""
		if c.resolved != "" {
			out["resolved_by"] = gitlabUser(c.resolved)
		}
		out["position"] = map[string]any{"position_type": "text", "new_path": c.path, "new_line": c.line}
	}
	return out
}

// notes has those on lines and those of the system among them.
func (g *gitlabServer) notes(w http.ResponseWriter, r *http.Request, p *pull) {
	list := []any{map[string]any{"id": 100000, "body": "<!-- tallyman:plan -->", "author": gitlabUser(Us), "system": true}}
	for _, c := range append(slices.Clone(p.comments), p.lines...) {
		list = append(list, gitlabNote(c))
	}
	answer(w, 200, g.pages(w, r, list))
}

func (g *gitlabServer) note(w http.ResponseWriter, r *http.Request, p *pull) {
	var in struct{ Body string }
	if !read(r, &in) || utf8.RuneCountInString(in.Body) > 1_000_000 {
		answer(w, 400, map[string]any{"message": map[string]any{"note": []string{"is too long (maximum is 1000000 characters)"}}})
		return
	}
	c := &said{id: g.id(), author: Us, body: in.Body}
	p.comments = append(p.comments, c)
	answer(w, 201, gitlabNote(c))
}

func (g *gitlabServer) editNote(w http.ResponseWriter, r *http.Request, p *pull) {
	var in struct{ Body string }
	i := slices.IndexFunc(p.comments, func(c *said) bool { return c.id == atoi(r.PathValue("id")) })
	if i < 0 || !read(r, &in) {
		answer(w, 404, map[string]any{"message": "404 Note Not Found"})
		return
	}
	if p.comments[i].author != Us {
		answer(w, 403, map[string]any{"message": "403 Forbidden"})
		return
	}
	p.comments[i].body = in.Body
	answer(w, 200, gitlabNote(p.comments[i]))
}

// discuss wants the old line of a line that was there before, and none of a
// new one, as GitLab does.
func (g *gitlabServer) discuss(w http.ResponseWriter, r *http.Request, p *pull) {
	var in struct {
		Body     string
		Position struct {
			Type string `json:"position_type"`
			Path string `json:"new_path"`
			Line int    `json:"new_line"`
			Old  int    `json:"old_line"`
			Head string `json:"head_sha"`
		}
	}
	ok := read(r, &in)
	at := in.Position
	hunk := p.files[at.Path]
	added := strings.Count(hunk, "\n+")
	if !ok || at.Type != "text" || at.Head != p.commit || !shows(hunk, at.Line) || (at.Line > added) != (at.Old == at.Line-added && at.Old > 0) {
		answer(w, 400, map[string]any{"message": `400 Bad request - Note {:line_code=>["can't be blank", "must be a valid line code"]}`})
		return
	}
	c := &said{id: g.id(), author: Us, body: in.Body, path: at.Path, line: at.Line}
	p.lines = append(p.lines, c)
	answer(w, 201, gitlabDiscussion(c))
}

// discussions has those on the whole among them, each as one of its own.
func (g *gitlabServer) discussions(w http.ResponseWriter, r *http.Request, p *pull) {
	list := []any{}
	for _, c := range append(slices.Clone(p.comments), p.lines...) {
		list = append(list, gitlabDiscussion(c))
	}
	answer(w, 200, g.pages(w, r, list))
}

func gitlabDiscussion(c *said) map[string]any {
	return map[string]any{"id": fmt.Sprintf("%040d", c.id), "individual_note": c.path == "", "notes": []any{gitlabNote(c)}}
}

func (g *gitlabServer) resolve(w http.ResponseWriter, r *http.Request, p *pull) {
	var in struct{ Resolved *bool }
	i := slices.IndexFunc(p.lines, func(c *said) bool { return fmt.Sprintf("%040d", c.id) == r.PathValue("id") })
	if i < 0 || !read(r, &in) || in.Resolved == nil {
		answer(w, 404, map[string]any{"message": "404 Discussion Not Found"})
		return
	}
	if p.lines[i].resolved = ""; *in.Resolved {
		p.lines[i].resolved = Us
	}
	answer(w, 200, gitlabDiscussion(p.lines[i]))
}

// newest lists the newest status of each name, the oldest first.
func (g *gitlabServer) newest(w http.ResponseWriter, r *http.Request) {
	list := []any{}
	for i, s := range g.statuses {
		newer := slices.ContainsFunc(g.statuses[i+1:], func(o forge.Status) bool { return o.Commit == s.Commit && o.Context == s.Context })
		if s.Commit != r.PathValue("sha") || newer || r.URL.Query().Get("name") != "" && r.URL.Query().Get("name") != s.Context {
			continue
		}
		word := map[forge.Verdict]string{forge.Failure: "failed"}[s.Verdict]
		list = append(list, map[string]any{
			"id": i + 1, "sha": s.Commit, "status": cmp.Or(word, string(s.Verdict)), "name": s.Context,
			"description": s.Description, "target_url": s.URL, "author": gitlabUser(Us), "allow_failure": false,
		})
	}
	answer(w, 200, g.pages(w, r, list))
}

// status refuses a change into what is already so, as GitLab does.
func (g *gitlabServer) status(w http.ResponseWriter, r *http.Request) {
	var in struct {
		State, Name, Description string
		Target                   string `json:"target_url"`
	}
	sha := r.PathValue("sha")
	if !read(r, &in) || !g.known(sha) {
		answer(w, 404, map[string]any{"message": "404 Commit Not Found"})
		return
	}
	s := forge.Status{Commit: sha, Context: in.Name, Verdict: forge.Verdict(in.State), Description: in.Description, URL: in.Target}
	if s.Verdict == "failed" {
		s.Verdict = forge.Failure
	}
	for i, o := range slices.Backward(g.statuses) {
		if o.Commit != sha || o.Context != in.Name {
			continue
		}
		if o.Verdict == forge.Pending && s.Verdict == forge.Pending {
			answer(w, 400, map[string]any{"message": `Cannot transition status via :enqueue from :pending (Reason(s): Status cannot transition via "enqueue")`})
			return
		}
		if o.Verdict == forge.Pending {
			g.statuses = slices.Delete(g.statuses, i, i+1)
		}
		break
	}
	g.statuses = append(g.statuses, s)
	answer(w, 201, map[string]any{"id": len(g.statuses), "status": in.State, "name": in.Name})
}
