//go:build forge

package forge_test

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/internal/forge"
	"github.com/tallyman-io/tallyman/internal/forge/forgetest"
	"github.com/tallyman-io/tallyman/internal/giteatest"
)

// TestGitea holds a real Gitea to the suite.
func TestGitea(t *testing.T) {
	server := giteatest.Start(t)
	people := [3]*giteatest.User{}
	for i, name := range []string{forgetest.Owner, forgetest.Us, forgetest.Stranger} {
		people[i] = server.User(name)
	}
	// What docs/forges.md says is enough.
	people[1].Token = server.Token(forgetest.Us, "write:repository,write:issue,read:user")
	repos := 0
	stage := func() *giteaStage {
		repos++
		s := &giteaStage{url: server.URL, owner: people[0], us: people[1], stranger: people[2]}
		s.repo = s.owner.Repo(fmt.Sprintf("shop%d", repos))
		s.owner.Call("PUT", "/repos/"+s.repo+"/collaborators/"+forgetest.Us, map[string]string{"permission": "write"}, nil)
		s.owner.Call("POST", "/repos/"+s.repo+"/branches", map[string]string{"new_branch_name": "other", "old_ref_name": "main"}, nil)
		return s
	}
	forgetest.Run(t, func(*testing.T) forgetest.Stage { return stage() })
	t.Run("a stranger's own labels do not count", func(t *testing.T) { stage().testOwnLabels(t) })
	t.Run("nor do they on somebody else's branch", func(t *testing.T) { stage().testOthersBranch(t) })
	t.Run("what is pushed to refs/for/ comes from afar", func(t *testing.T) { stage().testPushed(t) })
}

// testOwnLabels: Gitea takes labels from a stranger with the request to open.
func (s *giteaStage) testOwnLabels(t *testing.T) {
	f := s.open(t)
	label := s.label("trusted")
	fork := s.stranger.Fork(s.repo)
	s.stranger.Commit(fork, "evil", map[string]string{"strange.yaml": "x"})
	var made struct {
		Number int
		Labels []struct{ Name string }
	}
	s.stranger.Call("POST", "/repos/"+s.repo+"/pulls", map[string]any{
		"head": forgetest.Stranger + ":evil", "base": "main", "title": "Trust me", "labels": []int{label},
	}, &made)
	if len(made.Labels) != 1 {
		t.Fatalf("the forge did not take the stranger's label: %+v", made)
	}
	for range 4 { // more than a page of the timeline
		s.Say(made.Number, "Please.")
	}
	set := func(want ...string) {
		t.Helper()
		list, err := f.PullRequests(t.Context(), "main")
		if err != nil || len(list) != 1 || !slices.Equal(list[0].Labels, want) {
			t.Errorf("listed as %+v, %v; want the labels %q", list, err, want)
		}
		if p, err := f.PullRequest(t.Context(), made.Number); err != nil || !slices.Equal(p.Labels, want) {
			t.Errorf("alone it has the labels %q, %v; want %q", p.Labels, err, want)
		}
	}
	set()
	if s.stranger.Try("POST", s.issue(made.Number)+"/labels", map[string][]int{"labels": {label}}, nil) == nil {
		t.Error("the forge lets a stranger set labels later too")
	}
	s.owner.Call("DELETE", fmt.Sprintf("%s/labels/%d", s.issue(made.Number), label), nil, nil)
	s.owner.Call("POST", s.issue(made.Number)+"/labels", map[string][]int{"labels": {label}}, nil)
	set("trusted")
}

// testOthersBranch: a collaborator who may only read may ask for a branch that others
// pushed, and label that. A colleague's labels count as they are.
func (s *giteaStage) testOthersBranch(t *testing.T) {
	f := s.open(t)
	s.owner.Call("PUT", "/repos/"+s.repo+"/collaborators/"+forgetest.Stranger, map[string]string{"permission": "read"}, nil)
	label := s.label("trusted")
	for _, branch := range []string{"old", "new"} {
		s.Branch(branch, map[string]string{branch + ".yaml": "x"})
	}
	open := func(by *giteatest.User, branch string) (made struct{ Number int }) {
		by.Call("POST", "/repos/"+s.repo+"/pulls", map[string]any{"head": branch, "base": "main", "title": "Run it", "labels": []int{label}}, &made)
		return made
	}
	theirs, ours := open(s.stranger, "old"), open(s.owner, "new")
	list, err := f.PullRequests(t.Context(), "main")
	if err != nil || len(list) != 2 || list[0].Number != theirs.Number || len(list[0].Labels) > 0 ||
		list[1].Number != ours.Number || !slices.Equal(list[1].Labels, []string{"trusted"}) {
		t.Fatalf("listed as %+v, %v; want labels of the second alone", list, err)
	}
	s.owner.Call("DELETE", fmt.Sprintf("%s/labels/%d", s.issue(theirs.Number), label), nil, nil)
	s.owner.Call("POST", s.issue(theirs.Number)+"/labels", map[string][]int{"labels": {label}}, nil)
	if p, err := f.PullRequest(t.Context(), theirs.Number); err != nil || !slices.Equal(p.Labels, []string{"trusted"}) {
		t.Errorf("confirmed by a colleague it is %+v, %v", p, err)
	}
}

// testPushed: whoever may read may open one that has no fork.
func (s *giteaStage) testPushed(t *testing.T) {
	dir := t.TempDir()
	remote := strings.Replace(s.url, "://", "://"+forgetest.Stranger+":"+s.stranger.Token+"@", 1) + "/" + s.repo
	for _, args := range [][]string{
		{"clone", "-q", remote, "."},
		{"-c", "user.name=x", "-c", "user.email=x@example.com", "commit", "-q", "--allow-empty", "-m", "Strange"},
		{"push", "-q", "origin", "HEAD:refs/for/main/topic"},
	} {
		if out, err := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v\n%s", args[0], err, out)
		}
	}
	list, err := s.open(t).PullRequests(t.Context(), "main")
	if err != nil || len(list) != 1 || !list[0].Fork || list[0].Author != forgetest.Stranger || s.Resolve(list[0].HeadRef) != list[0].Head {
		t.Errorf("listed as %+v, %v", list, err)
	}
}

func (s *giteaStage) open(t *testing.T) forge.Forge {
	f, err := forge.Open(s.Config())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

type giteaStage struct {
	url, repo           string
	owner, us, stranger *giteatest.User
}

func (s *giteaStage) Config() forge.Config {
	return forge.Config{Kind: forge.Gitea, URL: s.url, Repository: s.repo, TokenFile: s.us.TokenFile()}
}

func (s *giteaStage) Branch(name string, files map[string]string) string {
	return s.owner.Commit(s.repo, name, files)
}

func (s *giteaStage) Pull(head, base, title string) int {
	return s.owner.Pull(s.repo, head, base, title)
}

func (s *giteaStage) ForkPull(branch, title string) (int, string) {
	fork := s.stranger.Fork(s.repo)
	commit := s.stranger.Commit(fork, branch, map[string]string{"strange.yaml": "x"})
	return s.stranger.Pull(s.repo, forgetest.Stranger+":"+branch, "main", title), commit
}

func (s *giteaStage) Label(number int, name string) {
	s.owner.Call("POST", s.issue(number)+"/labels", map[string][]int{"labels": {s.label(name)}}, nil)
}

// label makes one, and gives its id.
func (s *giteaStage) label(name string) int {
	var made struct{ ID int }
	s.owner.Call("POST", "/repos/"+s.repo+"/labels", map[string]string{"name": name, "color": "#00ff00"}, &made)
	return made.ID
}

func (s *giteaStage) issue(number int) string {
	return fmt.Sprintf("/repos/%s/issues/%d", s.repo, number)
}

func (s *giteaStage) pull(number int) string {
	return fmt.Sprintf("/repos/%s/pulls/%d", s.repo, number)
}

func (s *giteaStage) Close(number int) {
	s.owner.Call("PATCH", s.pull(number), map[string]string{"state": "closed"}, nil)
}

func (s *giteaStage) Merge(number int) { s.owner.Merge(s.repo, number) }

func (s *giteaStage) Resolve(ref string) string {
	out, err := exec.Command("git", "ls-remote", s.url+"/"+s.repo, ref).Output()
	if err != nil {
		return err.Error()
	}
	commit, _, _ := strings.Cut(string(out), "\t")
	return commit
}

func (s *giteaStage) Say(number int, body string) {
	s.stranger.Call("POST", s.issue(number)+"/comments", map[string]string{"body": body}, nil)
}

type giteaComment struct {
	ID       int
	Body     string
	User     struct{ Login string }
	Path     string
	Position int
}

func (s *giteaStage) DeleteComments(number int) {
	var list []giteaComment
	s.owner.Call("GET", s.issue(number)+"/comments", nil, &list)
	for _, c := range list {
		if c.User.Login == forgetest.Us {
			s.owner.Call("DELETE", fmt.Sprintf("/repos/%s/issues/comments/%d", s.repo, c.ID), nil, nil)
		}
	}
}

func (s *giteaStage) Comments(number int) []forgetest.Comment {
	var list []giteaComment
	s.owner.Call("GET", s.issue(number)+"/comments", nil, &list)
	var out []forgetest.Comment
	for _, c := range list {
		out = append(out, forgetest.Comment{Author: c.User.Login, Body: c.Body})
	}
	return out
}

func (s *giteaStage) LineComments(number int) []forgetest.LineComment {
	var reviews []struct{ ID int }
	s.owner.Call("GET", s.pull(number)+"/reviews", nil, &reviews)
	var out []forgetest.LineComment
	for _, r := range reviews {
		var list []giteaComment
		s.owner.Call("GET", fmt.Sprintf("%s/reviews/%d/comments", s.pull(number), r.ID), nil, &list)
		for _, c := range list {
			out = append(out, forgetest.LineComment{Path: c.Path, Line: c.Position, Body: c.Body})
		}
	}
	return out
}

func (s *giteaStage) Statuses(commit string) []forge.Status {
	type status struct {
		Status, Context, Description string
		Target                       string `json:"target_url"`
		ID                           int
	}
	var all []status
	for page := 1; ; page++ {
		var list []status
		s.owner.Call("GET", fmt.Sprintf("/repos/%s/commits/%s/statuses?page=%d", s.repo, commit, page), nil, &list)
		if len(list) == 0 {
			break
		}
		all = append(all, list...)
	}
	slices.SortFunc(all, func(a, b status) int { return b.ID - a.ID })
	var out []forge.Status
	for _, st := range all {
		out = append(out, forge.Status{Context: st.Context, Verdict: forge.Verdict(st.Status), Description: st.Description, URL: st.Target})
	}
	return out
}
