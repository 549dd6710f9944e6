package forge

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// backend is how one kind of forge does single things. Pages count from 1; the
// page after the last one is 0.
type backend interface {
	pulls(ctx context.Context, base string, at part) ([]PullRequest, int, error)
	pull(ctx context.Context, number int) (PullRequest, error)
	create(ctx context.Context, n NewPullRequest) (PullRequest, error)
	retitle(ctx context.Context, number int, title, body string) error
	addLabels(ctx context.Context, number int, labels []string) error
	shut(ctx context.Context, number int) error

	// account is the name under which what we write appears.
	account(ctx context.Context) (string, error)
	comments(ctx context.Context, number, page int) ([]comment, int, error)
	addComment(ctx context.Context, number int, body string) error
	editComment(ctx context.Context, number int, id int64, body string) error

	// status is the newest one of the commit in the context; none is the zero
	// value.
	status(ctx context.Context, commit, context string) (Status, error)
	addStatus(ctx context.Context, s Status) error

	// patches are what a pull request changes in each file, as unified diffs.
	patches(ctx context.Context, number int) ([]patch, error)
	// lineComments are those that have not been ended by the account.
	lineComments(ctx context.Context, number int, account string) ([]comment, error)
	addLineComments(ctx context.Context, p PullRequest, remarks []remark) error
	// endLineComment deletes one of ours, or has it count as dealt with.
	endLineComment(ctx context.Context, number int, m comment) error
}

// part is a page of a list, and how many entries one has.
type part struct{ page, size int }

type comment struct {
	id       int64
	thread   string // that it began, where the forge has those
	author   string
	body     string
	outdated bool // its line is not shown any more
}

// limits are what a forge takes.
type limits struct {
	body, description int  // characters
	page              int  // entries of a list
	noError           bool // it has no word for what could not be judged
}

// client decides what is to be done, and has a backend do it.
type client struct {
	backend
	wire   *wire
	limits limits

	// writing holds one thing while somebody writes, telling while somebody sets a
	// status: that waits for no comment.
	writing, telling chan struct{}
}

// alone makes looking for what is there and making what is not one act. Who
// waits for another one's act still ends with the own context.
func (c *client) alone(ctx context.Context, do func() error) error {
	return holding(ctx, c.writing, do)
}

func holding(ctx context.Context, place chan struct{}, do func() error) error {
	select {
	case place <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-place }()
	return do()
}

// maxListed is how many things of a kind are read. More than that is an error:
// half a list would be taken for a whole one.
const maxListed = 5000

// all reads a list page by page.
func all[T any](read func(page int) ([]T, int, error)) ([]T, error) {
	var out []T
	for page := 1; page != 0; {
		list, next, err := read(page)
		if err != nil {
			return nil, err
		}
		if out = append(out, list...); len(out) > maxListed {
			return nil, fmt.Errorf("the list has more than %d entries", maxListed)
		}
		if next != 0 && next <= page {
			return nil, fmt.Errorf("page %d of the list names page %d as the next one", page, next)
		}
		page = next
	}
	return out, nil
}

// PullRequests implements Forge.
func (c *client) PullRequests(ctx context.Context, base string) ([]PullRequest, error) {
	list, err := c.open(ctx, base)
	return list, c.wire.wrap(err, "list pull requests into %q", base)
}

func (c *client) open(ctx context.Context, base string) ([]PullRequest, error) {
	list, err := c.listed(ctx, base)
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(p PullRequest) bool { return p.Base != base || p.State != StateOpen })
	slices.SortFunc(list, func(a, b PullRequest) int { return a.Number - b.Number })
	// One that another one's closing moved from a page to the next was read twice.
	return slices.CompactFunc(list, func(a, b PullRequest) bool { return a.Number == b.Number }), nil
}

// maxLeftOut is how many pull requests may be too large to be listed.
const maxLeftOut = 20

// listed reads the list anew in smaller pages where one is too large to be taken:
// strangers write the texts in it. Of single ones that is left out which is too large
// by itself.
func (c *client) listed(ctx context.Context, base string) (list []PullRequest, err error) {
	left := maxLeftOut
	for _, size := range []int{c.limits.page, 10, 1} {
		list, err = all(func(page int) ([]PullRequest, int, error) {
			some, next, err := c.pulls(ctx, base, part{page, size})
			if size == 1 && left > 0 && errors.Is(err, errLarge) {
				left--
				return nil, page + 1, nil
			}
			return some, next, err
		})
		if !errors.Is(err, errLarge) {
			break
		}
	}
	return list, err
}

// PullRequest implements Forge.
func (c *client) PullRequest(ctx context.Context, number int) (PullRequest, error) {
	p, err := c.pull(ctx, number)
	return p, c.wire.wrap(err, "look up pull request %d", number)
}

// SetStatus implements Forge.
func (c *client) SetStatus(ctx context.Context, s Status) error {
	s.Description = shorten(s.Description, c.limits.description)
	if s.Verdict == Errored && c.limits.noError {
		s.Verdict = Failure
	}
	err := holding(ctx, c.telling, func() error { return c.setStatus(ctx, s) })
	return c.wire.wrap(err, "set status %q of commit %s", s.Context, s.Commit)
}

func (c *client) setStatus(ctx context.Context, s Status) error {
	if s.Commit == "" || s.Context == "" {
		return errors.New("a status has a commit and a context")
	}
	now, err := c.status(ctx, s.Commit, s.Context)
	if err != nil {
		return err
	}
	if now.Verdict == s.Verdict && now.Description == s.Description && now.URL == s.URL {
		return nil
	}
	return c.addStatus(ctx, s)
}

// shorten makes text one line of at most limit characters.
func shorten(text string, limit int) string {
	text = strings.Join(strings.Fields(text), " ")
	if utf8.RuneCountInString(text) <= limit {
		return text
	}
	return strings.TrimSpace(string([]rune(text)[:limit-1])) + "…"
}

const maxMarker = 100

// markers are such that they can't end the hidden comment that they stand in.
var markers = regexp.MustCompile(`^[a-z0-9]+([:./-][a-z0-9]+)*$`)

func hidden(marker string) string { return "<!-- " + marker + " -->" }

// Comment implements Forge.
func (c *client) Comment(ctx context.Context, number int, marker, body string) error {
	err := c.alone(ctx, func() error { return c.comment(ctx, number, marker, body) })
	return c.wire.wrap(err, "comment on pull request %d", number)
}

func (c *client) comment(ctx context.Context, number int, marker, body string) error {
	body, err := c.marked(marker, body)
	if err != nil {
		return err
	}
	mine, found, err := c.ours(ctx, number, marker)
	switch {
	case err != nil:
		return err
	case !found:
		return c.addComment(ctx, number, body)
	case sameText(mine.body, body):
		return nil
	}
	err = c.editComment(ctx, number, mine.id, body)
	if ClassOf(err) == NotFound { // somebody deleted it meanwhile
		return c.addComment(ctx, number, body)
	}
	return err
}

// marked is a text as a comment that is found again.
func (c *client) marked(marker, body string) (string, error) {
	if !markers.MatchString(marker) || len(marker) > maxMarker {
		return "", fmt.Errorf("%.*q is no marker: it has a-z, 0-9 and single : . / - between them, at most %d", maxMarker, marker, maxMarker)
	}
	body = strings.ToValidUTF8(body, "�")
	if n := utf8.RuneCountInString(body); n > c.BodyLimit() {
		return "", fmt.Errorf("the text has %d characters and may have %d; shorten it", n, c.BodyLimit())
	}
	return hidden(marker) + "\n" + body, nil
}

// ours is our account's comment with the marker.
func (c *client) ours(ctx context.Context, number int, marker string) (mine comment, found bool, err error) {
	account, err := c.account(ctx)
	if err != nil {
		return comment{}, false, err
	}
	list, err := all(func(page int) ([]comment, int, error) { return c.comments(ctx, number, page) })
	if err != nil {
		return comment{}, false, err
	}
	i := slices.IndexFunc(list, func(m comment) bool {
		return strings.EqualFold(m.author, account) && strings.HasPrefix(m.body, hidden(marker))
	})
	if i < 0 {
		return comment{}, false, nil
	}
	return list[i], true, nil
}

// Amend implements Forge.
func (c *client) Amend(ctx context.Context, number int, marker string, change func(body string) string) error {
	err := c.alone(ctx, func() error { return c.amend(ctx, number, marker, change) })
	return c.wire.wrap(err, "change the comment on pull request %d", number)
}

func (c *client) amend(ctx context.Context, number int, marker string, change func(body string) string) error {
	mine, found, err := c.ours(ctx, number, marker)
	if err != nil || !found {
		return err
	}
	before := strings.ReplaceAll(strings.TrimPrefix(mine.body, hidden(marker)), "\r\n", "\n")
	body, err := c.marked(marker, change(strings.TrimPrefix(before, "\n")))
	if err != nil || sameText(mine.body, body) {
		return err
	}
	err = c.editComment(ctx, number, mine.id, body)
	if ClassOf(err) == NotFound { // somebody deleted it meanwhile
		return nil
	}
	return err
}

// sameText compares texts as forges give them back: with other line ends, and
// without space at the end.
func sameText(a, b string) bool {
	plain := func(s string) string { return strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n")) }
	return plain(a) == plain(b)
}

// BodyLimit implements Forge. What a marker takes is left out of it.
func (c *client) BodyLimit() int { return c.limits.body - 2*maxMarker }

// OpenPullRequest implements Forge.
func (c *client) OpenPullRequest(ctx context.Context, n NewPullRequest) (PullRequest, error) {
	var p PullRequest
	err := c.alone(ctx, func() (err error) {
		p, err = c.opened(ctx, n)
		return err
	})
	return p, c.wire.wrap(err, "open pull request from %q into %q", n.Head, n.Base)
}

func (c *client) opened(ctx context.Context, n NewPullRequest) (PullRequest, error) {
	p, found, err := c.from(ctx, n)
	if err != nil {
		return PullRequest{}, err
	}
	switch {
	case !found:
		if p, err = c.create(ctx, n); err != nil {
			return PullRequest{}, err
		}
	case p.Title != n.Title || !sameText(p.body, n.Body):
		if err := c.retitle(ctx, p.Number, n.Title, n.Body); err != nil {
			return PullRequest{}, err
		}
		p.Title, p.body = n.Title, n.Body
	}
	missing := slices.DeleteFunc(slices.Clone(n.Labels), func(l string) bool { return slices.Contains(p.Labels, l) })
	if len(missing) == 0 {
		return p, nil
	}
	if err := c.addLabels(ctx, p.Number, missing); err != nil {
		return PullRequest{}, err
	}
	p.Labels = sorted(append(p.Labels, missing...))
	return p, nil
}

// from is the open pull request from n's branch of this very repository.
func (c *client) from(ctx context.Context, n NewPullRequest) (PullRequest, bool, error) {
	list, err := c.open(ctx, n.Base)
	if err != nil {
		return PullRequest{}, false, err
	}
	i := slices.IndexFunc(list, func(p PullRequest) bool { return !p.Fork && p.HeadBranch == n.Head })
	if i < 0 {
		return PullRequest{}, false, nil
	}
	return list[i], true, nil
}

func sorted(names []string) []string {
	slices.Sort(names)
	return names
}
