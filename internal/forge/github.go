package forge

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/google/go-github/v88/github"
)

// githubPage is the most that GitHub gives at once.
const githubPage = 100

// githubForge is the backend of GitHub, by the cloud or one's own.
type githubForge struct {
	sdk         *github.Client
	app         *github.Client // speaks as the App itself; nil with a token
	owner, repo string
}

func openGitHub(c Config, base *url.URL) (*client, error) {
	api := githubAPI(base)
	w, asApp, err := githubWires(c, api)
	if err != nil {
		return nil, err
	}
	sdk, err := githubSDK(w.client(), api)
	if err != nil {
		return nil, err
	}
	owner, repo := c.ownerName()
	g := &githubForge{sdk: sdk, owner: owner, repo: repo}
	if asApp != nil {
		if g.app, err = githubSDK(asApp.client(), api); err != nil {
			return nil, err
		}
	}
	return &client{backend: g, wire: w, limits: limits{body: 65536, description: 140, page: githubPage}}, nil
}

func githubSDK(h *http.Client, api *url.URL) (*github.Client, error) {
	at := api.String() + "/"
	// The wire knows of rate limits, for all forges alike.
	return github.NewClient(github.WithHTTPClient(h), github.WithURLs(&at, &at),
		github.WithUserAgent("tallyman"), github.WithDisableRateLimitCheck())
}

// githubAPI is where the API of a GitHub is.
func githubAPI(base *url.URL) *url.URL {
	if base.Host == "github.com" {
		return &url.URL{Scheme: base.Scheme, Host: "api.github.com"}
	}
	return base.JoinPath("api", "v3")
}

func (g *githubForge) pulls(ctx context.Context, base string, at part) ([]PullRequest, int, error) {
	list, answer, err := g.sdk.PullRequests.List(ctx, g.owner, g.repo, &github.PullRequestListOptions{
		State: "open", Base: base, Sort: "created", Direction: "asc",
		ListOptions: github.ListOptions{Page: at.page, PerPage: at.size},
	})
	if err != nil {
		return nil, 0, err
	}
	out := make([]PullRequest, len(list))
	for i, p := range list {
		out[i] = githubPull(p)
	}
	return out, answer.NextPage, nil
}

func (g *githubForge) pull(ctx context.Context, number int) (PullRequest, error) {
	p, _, err := g.sdk.PullRequests.Get(ctx, g.owner, g.repo, number)
	if err != nil {
		return PullRequest{}, err
	}
	return githubPull(p), nil
}

func githubPull(p *github.PullRequest) PullRequest {
	head, base := p.GetHead(), p.GetBase()
	out := PullRequest{
		Number: p.GetNumber(), Title: p.GetTitle(), Author: p.GetUser().GetLogin(), URL: p.GetHTMLURL(), State: StateOpen,
		Head: head.GetSHA(), HeadRef: fmt.Sprintf("refs/pull/%d/head", p.GetNumber()),
		HeadBranch: head.GetRef(), Base: base.GetRef(), Updated: p.GetUpdatedAt().Time, body: p.GetBody(),
		// The repository of a fork that was deleted is not named any more.
		Fork: head.GetRepo().GetID() == 0 || head.GetRepo().GetID() != base.GetRepo().GetID(),
	}
	switch {
	case p.GetMerged() || p.MergedAt != nil: // a list has only the time
		out.State = StateMerged
	case p.GetState() != "open":
		out.State = StateClosed
	}
	for _, l := range p.Labels {
		out.Labels = append(out.Labels, l.GetName())
	}
	out.Labels = sorted(out.Labels)
	return out
}

func (g *githubForge) create(ctx context.Context, n NewPullRequest) (PullRequest, error) {
	p, _, err := g.sdk.PullRequests.Create(ctx, g.owner, g.repo, &github.NewPullRequest{
		Title: &n.Title, Head: &n.Head, Base: &n.Base, Body: &n.Body,
	})
	if err != nil {
		return PullRequest{}, err
	}
	return githubPull(p), nil
}

func (g *githubForge) retitle(ctx context.Context, number int, title, body string) error {
	_, _, err := g.sdk.PullRequests.Edit(ctx, g.owner, g.repo, number, &github.PullRequest{Title: &title, Body: &body})
	return err
}

func (g *githubForge) shut(ctx context.Context, number int) error {
	_, _, err := g.sdk.PullRequests.Edit(ctx, g.owner, g.repo, number, &github.PullRequest{State: github.Ptr("closed")})
	return err
}

func (g *githubForge) addLabels(ctx context.Context, number int, labels []string) error {
	_, _, err := g.sdk.Issues.AddLabelsToIssue(ctx, g.owner, g.repo, number, labels)
	return err
}

// status reads the list that has the newest one of each context.
func (g *githubForge) status(ctx context.Context, commit, context string) (Status, error) {
	list, err := all(func(page int) ([]*github.RepoStatus, int, error) {
		sum, answer, err := g.sdk.Repositories.GetCombinedStatus(ctx, g.owner, g.repo, commit,
			&github.ListOptions{Page: page, PerPage: githubPage})
		if err != nil {
			return nil, 0, err
		}
		return sum.Statuses, answer.NextPage, nil
	})
	if err != nil {
		return Status{}, err
	}
	for _, s := range list {
		if s.GetContext() == context {
			return Status{
				Commit: commit, Context: context, Verdict: Verdict(s.GetState()),
				Description: s.GetDescription(), URL: s.GetTargetURL(),
			}, nil
		}
	}
	return Status{}, nil
}

func (g *githubForge) addStatus(ctx context.Context, s Status) error {
	state := string(s.Verdict)
	status := github.RepoStatus{State: &state, Context: &s.Context, Description: &s.Description}
	if s.URL != "" {
		status.TargetURL = &s.URL
	}
	_, _, err := g.sdk.Repositories.CreateStatus(ctx, g.owner, g.repo, s.Commit, status)
	return err
}
