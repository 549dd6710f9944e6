package forge

import (
	"context"
	"strings"

	"github.com/hashicorp/go-retryablehttp"
	gitlab "gitlab.com/gitlab-org/api/client-go/v2"
)

// noHeader leaves the token to the wire, which reads it anew each time.
type noHeader struct{}

func (noHeader) ApplyAuthHeader(gitlab.AuthSource, *retryablehttp.Request) error { return nil }

func (g *gitlabForge) account(ctx context.Context) (string, error) {
	me, _, err := g.sdk.Users.CurrentUser(gitlab.WithContext(ctx))
	if err != nil {
		return "", err
	}
	return me.Username, nil
}

func (g *gitlabForge) comments(ctx context.Context, number, page int) ([]comment, int, error) {
	list, answer, err := g.sdk.Notes.ListMergeRequestNotes(g.project, int64(number), &gitlab.ListMergeRequestNotesOptions{
		ListOptions: gitlabPageOf(page), OrderBy: gitlab.Ptr("created_at"), Sort: gitlab.Ptr("asc"),
	}, gitlab.WithContext(ctx))
	if err != nil {
		return nil, 0, err
	}
	var out []comment
	for _, n := range list {
		if !n.System {
			out = append(out, comment{id: n.ID, author: n.Author.Username, body: n.Body})
		}
	}
	return out, int(answer.NextPage), nil
}

func (g *gitlabForge) addComment(ctx context.Context, number int, body string) error {
	_, _, err := g.sdk.Notes.CreateMergeRequestNote(g.project, int64(number),
		&gitlab.CreateMergeRequestNoteOptions{Body: &body}, gitlab.WithContext(ctx))
	return err
}

func (g *gitlabForge) editComment(ctx context.Context, number int, id int64, body string) error {
	_, _, err := g.sdk.Notes.UpdateMergeRequestNote(g.project, int64(number), id,
		&gitlab.UpdateMergeRequestNoteOptions{Body: &body}, gitlab.WithContext(ctx))
	return err
}

func (g *gitlabForge) patches(ctx context.Context, number int) ([]patch, error) {
	return all(func(page int) ([]patch, int, error) {
		files, answer, err := g.sdk.MergeRequests.ListMergeRequestDiffs(g.project, int64(number),
			&gitlab.ListMergeRequestDiffsOptions{ListOptions: gitlabPageOf(page)}, gitlab.WithContext(ctx))
		if err != nil {
			return nil, 0, err
		}
		out := make([]patch, len(files))
		for i, f := range files {
			out[i] = patch{oldPath: f.OldPath, path: f.NewPath, diff: f.Diff}
		}
		return out, int(answer.NextPage), nil
	})
}

// lineComments are the first notes of discussions. What somebody else resolved is
// not said again; what we did can become true anew.
func (g *gitlabForge) lineComments(ctx context.Context, number int, account string) ([]comment, error) {
	return all(func(page int) ([]comment, int, error) {
		list, answer, err := g.sdk.Discussions.ListMergeRequestDiscussions(g.project, int64(number),
			&gitlab.ListMergeRequestDiscussionsOptions{ListOptions: gitlabPageOf(page)}, gitlab.WithContext(ctx))
		if err != nil {
			return nil, 0, err
		}
		var out []comment
		for _, d := range list {
			if len(d.Notes) == 0 || !d.Notes[0].Resolvable || d.Notes[0].Resolved && strings.EqualFold(d.Notes[0].ResolvedBy.Username, account) {
				continue
			}
			n := d.Notes[0]
			out = append(out, comment{id: n.ID, thread: d.ID, author: n.Author.Username, body: n.Body})
		}
		return out, int(answer.NextPage), nil
	})
}

// endLineComment resolves the discussion, with all that people said in it.
func (g *gitlabForge) endLineComment(ctx context.Context, number int, m comment) error {
	_, _, err := g.sdk.Discussions.ResolveMergeRequestDiscussion(g.project, int64(number), m.thread,
		&gitlab.ResolveMergeRequestDiscussionOptions{Resolved: gitlab.Ptr(true)}, gitlab.WithContext(ctx))
	return err
}

// addLineComments begins a discussion at each line. GitLab wants both numbers
// of a line that was there before.
func (g *gitlabForge) addLineComments(ctx context.Context, p PullRequest, remarks []remark) error {
	whole, err := g.request(ctx, p.Number)
	if err != nil || whole.SHA != p.Head {
		return err
	}
	for _, r := range remarks {
		at := &gitlab.PositionOptions{
			BaseSHA: &whole.DiffRefs.BaseSha, StartSHA: &whole.DiffRefs.StartSha, HeadSHA: &whole.DiffRefs.HeadSha,
			PositionType: gitlab.Ptr("text"), OldPath: &r.oldPath, NewPath: &r.Path, NewLine: gitlab.Ptr(int64(r.Line)),
		}
		if r.oldLine > 0 {
			at.OldLine = gitlab.Ptr(int64(r.oldLine))
		}
		if _, _, err := g.sdk.Discussions.CreateMergeRequestDiscussion(g.project, int64(p.Number),
			&gitlab.CreateMergeRequestDiscussionOptions{Body: &r.body, Position: at}, gitlab.WithContext(ctx)); err != nil {
			return err
		}
	}
	return nil
}
