package forge

import (
	"context"
	"strings"

	"code.gitea.io/sdk/gitea"
)

func (g *giteaForge) account(ctx context.Context) (string, error) {
	sdk, err := g.sdk(ctx)
	if err != nil {
		return "", err
	}
	me, _, err := sdk.GetMyUserInfo()
	if err != nil {
		return "", err
	}
	return me.UserName, nil
}

func (g *giteaForge) comments(ctx context.Context, number, page int) ([]comment, int, error) {
	sdk, err := g.sdk(ctx)
	if err != nil {
		return nil, 0, err
	}
	list, answer, err := sdk.ListIssueComments(g.owner, g.repo, int64(number), gitea.ListIssueCommentOptions{ListOptions: giteaPageOf(page)})
	if err != nil {
		return nil, 0, err
	}
	out := make([]comment, len(list))
	for i, m := range list {
		out[i] = comment{id: m.ID, body: m.Body}
		// Who brought a repository over from another forge stands as the poster
		// of what others wrote there.
		if m.Poster != nil && m.OriginalAuthor == "" {
			out[i].author = m.Poster.UserName
		}
	}
	return out, answer.NextPage, nil
}

func (g *giteaForge) addComment(ctx context.Context, number int, body string) error {
	sdk, err := g.sdk(ctx)
	if err != nil {
		return err
	}
	_, _, err = sdk.CreateIssueComment(g.owner, g.repo, int64(number), gitea.CreateIssueCommentOption{Body: body})
	return err
}

func (g *giteaForge) editComment(ctx context.Context, _ int, id int64, body string) error {
	sdk, err := g.sdk(ctx)
	if err != nil {
		return err
	}
	_, _, err = sdk.EditIssueComment(g.owner, g.repo, id, gitea.EditIssueCommentOption{Body: body})
	return err
}

func (g *giteaForge) patches(ctx context.Context, number int) ([]patch, error) {
	sdk, err := g.sdk(ctx)
	if err != nil {
		return nil, err
	}
	diff, _, err := sdk.GetPullRequestDiff(g.owner, g.repo, int64(number), gitea.PullRequestDiffOptions{})
	return splitDiff(string(diff)), err
}

// lineComments reads those of our reviews, since they are listed by review.
func (g *giteaForge) lineComments(ctx context.Context, number int, account string) ([]comment, error) {
	sdk, err := g.sdk(ctx)
	if err != nil {
		return nil, err
	}
	reviews, err := all(func(page int) ([]*gitea.PullReview, int, error) {
		list, answer, err := sdk.ListPullReviews(g.owner, g.repo, int64(number), gitea.ListPullReviewsOptions{ListOptions: giteaPageOf(page)})
		if err != nil {
			return nil, 0, err
		}
		return list, answer.NextPage, nil
	})
	if err != nil {
		return nil, err
	}
	var out []comment
	for _, r := range reviews {
		if r.Reviewer == nil || !strings.EqualFold(r.Reviewer.UserName, account) || r.CodeCommentsCount == 0 {
			continue
		}
		list, _, err := sdk.ListPullReviewComments(g.owner, g.repo, int64(number), r.ID)
		if err != nil {
			return nil, err
		}
		for _, m := range list {
			out = append(out, comment{id: m.ID, author: account, body: m.Body})
		}
	}
	return out, nil
}

func (g *giteaForge) addLineComments(ctx context.Context, p PullRequest, remarks []remark) error {
	sdk, err := g.sdk(ctx)
	if err != nil {
		return err
	}
	review := gitea.CreatePullReviewOptions{State: gitea.ReviewStateComment, CommitID: p.Head, Body: summary}
	for _, r := range remarks {
		review.Comments = append(review.Comments, gitea.CreatePullReviewComment{Path: r.Path, Body: r.body, NewLineNum: int64(r.Line)})
	}
	_, _, err = sdk.CreatePullReview(g.owner, g.repo, int64(p.Number), review)
	return err
}

// endLineComment: to Gitea those on lines are comments like any other.
func (g *giteaForge) endLineComment(ctx context.Context, _ int, m comment) error {
	sdk, err := g.sdk(ctx)
	if err != nil {
		return err
	}
	_, err = sdk.DeleteIssueComment(g.owner, g.repo, m.id)
	return err
}
