package git

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// Commit is a revision. The texts are safe to print on a terminal.
type Commit struct {
	ID      string
	Author  string
	Email   string
	Subject string
	Message string    // all of it, the subject too; lines end in \n
	Time    time.Time // when it was committed
}

// Short is the id as people write it.
func (c Commit) Short() string { return short(c.ID) }

func short(id string) string { return id[:min(len(id), 12)] }

func newCommit(c *object.Commit) Commit {
	subject, _, _ := strings.Cut(strings.TrimLeft(c.Message, "\r\n"), "\n")
	return Commit{
		ID:      c.Hash.String(),
		Author:  printable(c.Author.Name),
		Email:   printable(c.Author.Email),
		Subject: printable(subject),
		Message: printableLines(c.Message),
		Time:    c.Committer.When,
	}
}

// printableLines is a message of bearable length without control characters.
func printableLines(s string) string {
	const longest = 64 << 10
	lines := strings.Split(strings.TrimSpace(s[:min(len(s), longest)]), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(strings.Map(dropControl, strings.ReplaceAll(strings.ToValidUTF8(line, "\uFFFD"), "\t", "    ")), " ")
	}
	return strings.Join(lines, "\n")
}

func printable(s string) string {
	return strings.TrimSpace(strings.Map(dropControl, strings.ToValidUTF8(s, "\uFFFD")))
}

// Log is up to n commits, newest first, beginning at the commit with the id
// from. Of a merge it follows the first parent: that is what the branch said,
// one after the other. It ends where the history does, also a shallow one.
func (r *Repository) Log(ctx context.Context, from string, n int) ([]Commit, error) {
	id, err := parseID(from)
	if err != nil {
		return nil, r.fail("read history of", from, err)
	}
	var commits []Commit
	for len(commits) < n && ctx.Err() == nil {
		c, err := r.mirror.commit(id)
		if errors.Is(err, ErrRevisionNotFound) && len(commits) > 0 {
			break
		}
		if err != nil {
			return nil, r.fail("read history of", from, err)
		}
		commits = append(commits, newCommit(c))
		if len(c.ParentHashes) == 0 {
			break
		}
		id = c.ParentHashes[0]
	}
	return commits, r.fail("read history of", from, ctx.Err())
}

func parseID(id string) (plumbing.Hash, error) {
	if !plumbing.IsHash(id) {
		return plumbing.ZeroHash, fmt.Errorf("%w: not a full commit id", ErrRevisionNotFound)
	}
	return plumbing.NewHash(id), nil
}
