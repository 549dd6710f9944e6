// Package forgetest is one suite that every kind of forge has to pass: a real
// Gitea, and servers that answer as GitHub's and GitLab's documents say.
package forgetest

import "github.com/tallyman-io/tallyman/internal/forge"

// Stage is a repository on a forge, with the branches main and other, and the
// people around it. What a stage does is done by others than us.
type Stage interface {
	// Config is how to get there as our own account.
	Config() forge.Config
	// Branch commits files on a branch, which it makes of main, and gives the
	// commit's id.
	Branch(name string, files map[string]string) string
	// Pull opens a pull request of a colleague's.
	Pull(head, base, title string) int
	// ForkPull opens one into main from a stranger's fork, and gives the id of
	// its commit too.
	ForkPull(branch, title string) (number int, commit string)
	Label(number int, name string)
	Close(number int)
	Merge(number int)
	// Resolve is the commit that a ref of the repository stands for.
	Resolve(ref string) string
	// Say comments as the stranger.
	Say(number int, body string)
	// DeleteComments deletes ours.
	DeleteComments(number int)
	// Comments are those on the pull request as a whole, the oldest first.
	Comments(number int) []Comment
	// LineComments are those on lines that have not been ended.
	LineComments(number int) []LineComment
	// Statuses are all that a commit ever had, the newest first.
	Statuses(commit string) []forge.Status
}

// The accounts of a stage. The colleague owns the repository.
const (
	Owner    = "colleague"
	Us       = "tallyman-bot"
	Stranger = "stranger"
)

// Comment is one on a pull request.
type Comment struct{ Author, Body string }

// LineComment is one on a line.
type LineComment struct {
	Path string
	Line int
	Body string
}
