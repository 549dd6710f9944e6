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
	forgetest.Run(t, func(t *testing.T) forgetest.Stage {
		repos++
		s := &giteaStage{url: server.URL, owner: people[0], us: people[1], stranger: people[2]}
		s.repo = s.owner.Repo(fmt.Sprintf("shop%d", repos))
		s.owner.Call("PUT", "/repos/"+s.repo+"/collaborators/"+forgetest.Us, map[string]string{"permission": "write"}, nil)
		s.owner.Call("POST", "/repos/"+s.repo+"/branches", map[string]string{"new_branch_name": "other", "old_ref_name": "main"}, nil)
		return s
	})
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
	var made struct{ ID int }
	s.owner.Call("POST", "/repos/"+s.repo+"/labels", map[string]string{"name": name, "color": "#00ff00"}, &made)
	s.owner.Call("POST", s.issue(number)+"/labels", map[string][]int{"labels": {made.ID}}, nil)
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
