package forge

import (
	"context"

	"github.com/google/go-github/v88/github"
)

// account asks as the App where there is one: an installation is no user.
func (g *githubForge) account(ctx context.Context) (string, error) {
	if g.app != nil {
		app, _, err := g.app.Apps.Get(ctx, "")
		if err != nil {
			return "", err
		}
		return app.GetSlug() + "[bot]", nil
	}
	me, _, err := g.sdk.Users.Get(ctx, "")
	if err != nil {
		return "", err
	}
	return me.GetLogin(), nil
}

func (g *githubForge) comments(ctx context.Context, number, page int) ([]comment, int, error) {
	list, answer, err := g.sdk.Issues.ListComments(ctx, g.owner, g.repo, number, &github.IssueListCommentsOptions{
		ListOptions: github.ListOptions{Page: page, PerPage: githubPage},
	})
	if err != nil {
		return nil, 0, err
	}
	out := make([]comment, len(list))
	for i, m := range list {
		out[i] = comment{id: m.GetID(), author: m.GetUser().GetLogin(), body: m.GetBody()}
	}
	return out, answer.NextPage, nil
}

func (g *githubForge) addComment(ctx context.Context, number int, body string) error {
	_, _, err := g.sdk.Issues.CreateComment(ctx, g.owner, g.repo, number, &github.IssueComment{Body: &body})
	return err
}

func (g *githubForge) editComment(ctx context.Context, _ int, id int64, body string) error {
	_, _, err := g.sdk.Issues.EditComment(ctx, g.owner, g.repo, id, &github.IssueComment{Body: &body})
	return err
}

func (g *githubForge) patches(ctx context.Context, number int) ([]patch, error) {
	return all(func(page int) ([]patch, int, error) {
		files, answer, err := g.sdk.PullRequests.ListFiles(ctx, g.owner, g.repo, number,
			&github.ListOptions{Page: page, PerPage: githubPage})
		if err != nil {
			return nil, 0, err
		}
		out := make([]patch, len(files))
		for i, f := range files {
			out[i] = patch{oldPath: f.GetPreviousFilename(), path: f.GetFilename(), diff: f.GetPatch()}
		}
		return out, answer.NextPage, nil
	})
}

func (g *githubForge) lineComments(ctx context.Context, number int, _ string) ([]comment, error) {
	return all(func(page int) ([]comment, int, error) {
		list, answer, err := g.sdk.PullRequests.ListComments(ctx, g.owner, g.repo, number, &github.PullRequestListCommentsOptions{
			ListOptions: github.ListOptions{Page: page, PerPage: githubPage},
		})
		if err != nil {
			return nil, 0, err
		}
		out := make([]comment, len(list))
		for i, m := range list {
			out[i] = comment{id: m.GetID(), author: m.GetUser().GetLogin(), body: m.GetBody(), outdated: m.Line == nil}
		}
		return out, answer.NextPage, nil
	})
}

// addLineComments sends one review, so that people get one message.
func (g *githubForge) addLineComments(ctx context.Context, p PullRequest, remarks []remark) error {
	event, side, body := "COMMENT", "RIGHT", summary
	review := &github.PullRequestReviewRequest{CommitID: &p.Head, Event: &event, Body: &body}
	for _, r := range remarks {
		review.Comments = append(review.Comments, &github.DraftReviewComment{Path: &r.Path, Line: &r.Line, Side: &side, Body: &r.body})
	}
	_, _, err := g.sdk.PullRequests.CreateReview(ctx, g.owner, g.repo, p.Number, review)
	return err
}

func (g *githubForge) endLineComment(ctx context.Context, _ int, m comment) error {
	_, err := g.sdk.PullRequests.DeleteComment(ctx, g.owner, g.repo, m.id)
	return err
}
