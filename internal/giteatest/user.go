package giteatest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
)

// User is an account, and what it does by the real API: everything that a
// person would.
type User struct {
	Name, Token string

	s *Server
}

// User makes an account and a token that may do all.
func (s *Server) User(name string) *User {
	s.t.Helper()
	s.admin("admin", "user", "create", "--username", name, "--random-password", "--email", name+"@example.com", "--must-change-password=false")
	return &User{Name: name, Token: s.Token(name, "all"), s: s}
}

// Token makes a token with the given scopes.
func (s *Server) Token(user, scopes string) string {
	s.t.Helper()
	s.tokens++
	name := fmt.Sprintf("t%d", s.tokens)
	out := s.admin("admin", "user", "generate-access-token", "--username", user, "--token-name", name, "--scopes", scopes, "--raw")
	token, err := tokenIn(out)
	if err != nil {
		s.t.Fatalf("make a token for %s: %v", user, err)
	}
	return token
}

var tokens = regexp.MustCompile(`(?m)^[0-9a-f]{40}$`)

// tokenIn finds the token among lines of Gitea's log. That is written in the
// background, so a line of it may also come behind the token.
func tokenIn(out string) (string, error) {
	found := tokens.FindAllString(out, -1)
	if len(found) != 1 {
		return "", fmt.Errorf("there are %d tokens, and should be one, in:\n%s", len(found), out)
	}
	return found[0], nil
}

// TokenFile is a file with the token.
func (u *User) TokenFile() string {
	u.s.t.Helper()
	path := filepath.Join(u.s.t.TempDir(), "token")
	if err := os.WriteFile(path, []byte(u.Token+"\n"), 0o600); err != nil {
		u.s.t.Fatal(err)
	}
	return path
}

// Call asks the API, and fails the test when it refuses. In and out may be nil.
func (u *User) Call(method, path string, in, out any) {
	u.s.t.Helper()
	if err := u.Try(method, path, in, out); err != nil {
		u.s.t.Fatal(err)
	}
}

// Try asks the API.
func (u *User) Try(method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(data)
	}
	request, err := http.NewRequestWithContext(u.s.t.Context(), method, u.s.URL+"/api/v1"+path, body)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "token "+u.Token)
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s: %s", method, path, answer.Status, text)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(text, out)
}

// Repo makes a repository of the user's with a first commit on main. Its name
// on the server is owner/name.
func (u *User) Repo(name string) string {
	u.s.t.Helper()
	u.Call("POST", "/user/repos", map[string]any{"name": name, "auto_init": true, "default_branch": "main"}, nil)
	return u.Name + "/" + name
}

// Fork makes a fork of the user's own.
func (u *User) Fork(repo string) string {
	u.s.t.Helper()
	var made struct {
		Name string `json:"full_name"`
	}
	u.Call("POST", "/repos/"+repo+"/forks", map[string]any{}, &made)
	return made.Name
}

// Commit writes files to a branch, which is made of main where it is not there,
// and gives the commit's id.
func (u *User) Commit(repo, branch string, files map[string]string) string {
	u.s.t.Helper()
	return u.CommitSaying(repo, branch, "Change "+branch, files)
}

// CommitSaying is Commit with a message.
func (u *User) CommitSaying(repo, branch, message string, files map[string]string) string {
	u.s.t.Helper()
	in := map[string]any{"message": message, "branch": branch}
	if u.Try("GET", "/repos/"+repo+"/branches/"+branch, nil, nil) != nil {
		in["branch"], in["new_branch"] = "main", branch
	}
	var ops []map[string]any
	for path, text := range files {
		op := map[string]any{"operation": "create", "path": path, "content": base64.StdEncoding.EncodeToString([]byte(text))}
		var old struct{ Sha string }
		if u.Try("GET", "/repos/"+repo+"/contents/"+path+"?ref="+in["branch"].(string), nil, &old) == nil {
			op["operation"], op["sha"] = "update", old.Sha
		}
		ops = append(ops, op)
	}
	slices.SortFunc(ops, func(a, b map[string]any) int {
		return bytes.Compare([]byte(a["path"].(string)), []byte(b["path"].(string)))
	})
	in["files"] = ops
	var made struct{ Commit struct{ Sha string } }
	u.Call("POST", "/repos/"+repo+"/contents", in, &made)
	return made.Commit.Sha
}

// Pull opens a pull request, whose head may be user:branch, and gives its
// number.
func (u *User) Pull(repo, head, base, title string) int {
	u.s.t.Helper()
	var made struct{ Number int }
	u.Call("POST", "/repos/"+repo+"/pulls", map[string]any{"head": head, "base": base, "title": title, "body": "Please."}, &made)
	return made.Number
}

// Merge merges a pull request.
func (u *User) Merge(repo string, number int) {
	u.s.t.Helper()
	u.Call("POST", fmt.Sprintf("/repos/%s/pulls/%d/merge", repo, number), map[string]any{"Do": "merge"}, nil)
}

// Hook has the events that docs/forges.md asks for sent to an address, signed with
// the secret.
func (u *User) Hook(repo, url, secret string) {
	u.s.t.Helper()
	u.Call("POST", "/repos/"+repo+"/hooks", map[string]any{
		"type": "gitea", "active": true, "events": []string{"push", "pull_request_only", "pull_request_label", "pull_request_sync"},
		"config": map[string]string{"url": url, "content_type": "json", "secret": secret},
	}, nil)
}
