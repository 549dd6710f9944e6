package forge

import (
	"context"

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

// lineComments are among the notes.
func (g *gitlabForge) lineComments(ctx context.Context, number int, _ string) ([]comment, error) {
	return all(func(page int) ([]comment, int, error) { return g.comments(ctx, number, page) })
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
