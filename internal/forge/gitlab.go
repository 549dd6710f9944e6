package forge

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	gitlab "gitlab.com/gitlab-org/api/client-go/v2"
)

// gitlabPage is the most that GitLab gives at once.
const gitlabPage = 100

// gitlabForge is the backend of GitLab, whose pull requests are merge requests
// and whose comments are notes.
type gitlabForge struct {
	sdk     *gitlab.Client
	project string
}

func openGitLab(c Config, base *url.URL) (*client, error) {
	w, err := newWire(base, c, nil)
	if err != nil {
		return nil, err
	}
	sdk, err := gitlab.NewClient("", gitlab.WithHTTPClient(w.client()), gitlab.WithBaseURL(base.String()),
		gitlab.WithAuthSourceStrategy(noHeader{}), gitlab.WithCustomRetryMax(0), gitlab.WithUserAgent("tallyman"))
	if err != nil {
		return nil, err
	}
	return &client{
		backend: &gitlabForge{sdk: sdk, project: c.Repository},
		wire:    w, limits: limits{body: 1_000_000, description: 255, noError: true, page: gitlabPage},
	}, nil
}

func gitlabPageOf(page int) gitlab.ListOptions {
	return gitlab.ListOptions{Page: int64(page), PerPage: gitlabPage}
}

func (g *gitlabForge) pulls(ctx context.Context, base string, at part) ([]PullRequest, int, error) {
	list, answer, err := g.sdk.MergeRequests.ListProjectMergeRequests(g.project, &gitlab.ListProjectMergeRequestsOptions{
		ListOptions: gitlab.ListOptions{Page: int64(at.page), PerPage: int64(at.size)}, State: gitlab.Ptr("opened"), TargetBranch: &base,
		OrderBy: gitlab.Ptr("created_at"), Sort: gitlab.Ptr("asc"),
	}, gitlab.WithContext(ctx))
	if err != nil {
		return nil, 0, err
	}
	out := make([]PullRequest, len(list))
	for i, p := range list {
		out[i] = gitlabPull(p)
	}
	return out, int(answer.NextPage), nil
}

func (g *gitlabForge) pull(ctx context.Context, number int) (PullRequest, error) {
	p, err := g.request(ctx, number)
	if err != nil {
		return PullRequest{}, err
	}
	return gitlabPull(&p.BasicMergeRequest), nil
}

func (g *gitlabForge) request(ctx context.Context, number int) (*gitlab.MergeRequest, error) {
	p, _, err := g.sdk.MergeRequests.GetMergeRequest(g.project, int64(number), nil, gitlab.WithContext(ctx))
	return p, err
}

func gitlabPull(p *gitlab.BasicMergeRequest) PullRequest {
	out := PullRequest{
		Number: int(p.IID), Title: p.Title, URL: p.WebURL, State: StateClosed,
		Head: p.SHA, HeadRef: fmt.Sprintf("refs/merge-requests/%d/head", p.IID),
		HeadBranch: p.SourceBranch, Base: p.TargetBranch,
		Fork:   p.SourceProjectID != p.TargetProjectID,
		Labels: sorted(append([]string(nil), p.Labels...)), body: p.Description,
	}
	switch p.State {
	case "opened", "locked": // locked: about to be merged
		out.State = StateOpen
	case "merged":
		out.State = StateMerged
	}
	if p.Author != nil {
		out.Author = p.Author.Username
	}
	if p.UpdatedAt != nil {
		out.Updated = *p.UpdatedAt
	}
	return out
}

func (g *gitlabForge) create(ctx context.Context, n NewPullRequest) (PullRequest, error) {
	p, _, err := g.sdk.MergeRequests.CreateMergeRequest(g.project, &gitlab.CreateMergeRequestOptions{
		Title: &n.Title, Description: &n.Body, SourceBranch: &n.Head, TargetBranch: &n.Base,
	}, gitlab.WithContext(ctx))
	if err != nil {
		return PullRequest{}, err
	}
	return gitlabPull(&p.BasicMergeRequest), nil
}

func (g *gitlabForge) retitle(ctx context.Context, number int, title, body string) error {
	_, _, err := g.sdk.MergeRequests.UpdateMergeRequest(g.project, int64(number),
		&gitlab.UpdateMergeRequestOptions{Title: &title, Description: &body}, gitlab.WithContext(ctx))
	return err
}

func (g *gitlabForge) shut(ctx context.Context, number int) error {
	_, _, err := g.sdk.MergeRequests.UpdateMergeRequest(g.project, int64(number),
		&gitlab.UpdateMergeRequestOptions{StateEvent: gitlab.Ptr("close")}, gitlab.WithContext(ctx))
	return err
}

func (g *gitlabForge) addLabels(ctx context.Context, number int, labels []string) error {
	add := gitlab.LabelOptions(labels)
	_, _, err := g.sdk.MergeRequests.UpdateMergeRequest(g.project, int64(number),
		&gitlab.UpdateMergeRequestOptions{AddLabels: &add}, gitlab.WithContext(ctx))
	return err
}

// status is the one with the highest id: a commit may have pipelines of
// several branches, each with a status of the name.
func (g *gitlabForge) status(ctx context.Context, commit, context string) (Status, error) {
	list, err := all(func(page int) ([]*gitlab.CommitStatus, int, error) {
		list, answer, err := g.sdk.Commits.GetCommitStatuses(g.project, commit,
			&gitlab.GetCommitStatusesOptions{ListOptions: gitlabPageOf(page), Name: &context}, gitlab.WithContext(ctx))
		if err != nil {
			return nil, 0, err
		}
		return list, int(answer.NextPage), nil
	})
	if err != nil {
		return Status{}, err
	}
	var newest gitlab.CommitStatus
	for _, s := range list {
		if s.Name == context && s.ID > newest.ID {
			newest = *s
		}
	}
	if newest.ID == 0 {
		return Status{}, nil
	}
	return Status{
		Commit: commit, Context: context, Verdict: gitlabVerdict(newest.Status),
		Description: newest.Description, URL: newest.TargetURL,
	}, nil
}

// addStatus takes it for done when a status is to become what it is: GitLab
// refuses that, and so a new description of what is pending.
func (g *gitlabForge) addStatus(ctx context.Context, s Status) error {
	states := map[Verdict]gitlab.BuildStateValue{Pending: gitlab.Pending, Success: gitlab.Success, Failure: gitlab.Failed}
	opts := &gitlab.SetCommitStatusOptions{State: states[s.Verdict], Name: &s.Context, Description: &s.Description}
	if s.URL != "" {
		opts.TargetURL = &s.URL
	}
	if s.Branch != "" {
		opts.Ref = &s.Branch
	}
	_, _, err := g.sdk.Commits.SetCommitStatus(g.project, s.Commit, opts, gitlab.WithContext(ctx))
	var e *Error
	if errors.As(err, &e) && strings.Contains(e.Cause, "Cannot transition status") {
		return nil
	}
	return err
}

func gitlabVerdict(state string) Verdict {
	switch gitlab.BuildStateValue(state) {
	case gitlab.Success:
		return Success
	case gitlab.Failed, gitlab.Canceled:
		return Failure
	}
	return Pending
}
