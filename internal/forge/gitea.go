package forge

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"code.gitea.io/sdk/gitea"
)

// giteaPage is the most that a page has where nobody configured another.
const giteaPage = 50

// giteaForge is the backend of Gitea and Forgejo.
type giteaForge struct {
	url         string
	wire        *wire
	http        *http.Client
	owner, repo string
}

func openGitea(c Config, base *url.URL) (*client, error) {
	w, err := newWire(base, c, nil)
	if err != nil {
		return nil, err
	}
	owner, repo := c.ownerName()
	// Both texts are of the database's largest type; what is more than a
	// megabyte nobody reads.
	return &client{
		backend: &giteaForge{url: base.String(), wire: w, http: w.client(), owner: owner, repo: repo},
		wire:    w, limits: limits{body: 1_000_000, description: 255, page: giteaPage},
	}, nil
}

// sdk is for one call, since the SDK keeps the context in its client. The
// server's version is not asked for: what is used is older than all that are
// maintained.
func (g *giteaForge) sdk(ctx context.Context) (*gitea.Client, error) {
	return gitea.NewClient(g.url, gitea.SetHTTPClient(g.http), gitea.SetContext(ctx),
		gitea.SetGiteaVersion(""), gitea.SetUserAgent("tallyman"))
}

func giteaPageOf(page int) gitea.ListOptions {
	return gitea.ListOptions{Page: page, PageSize: giteaPage}
}

func (g *giteaForge) pulls(ctx context.Context, _ string, at part) ([]PullRequest, int, error) {
	sdk, err := g.sdk(ctx)
	if err != nil {
		return nil, 0, err
	}
	list, answer, err := sdk.ListRepoPullRequests(g.owner, g.repo, gitea.ListPullRequestsOptions{
		ListOptions: gitea.ListOptions{Page: at.page, PageSize: at.size}, State: gitea.StateOpen, Sort: "oldest",
	})
	if err != nil {
		return nil, 0, err
	}
	out, writers := make([]PullRequest, len(list)), g.writers(ctx)
	for i, p := range list {
		if out[i], err = g.read(ctx, p, writers); err != nil {
			return nil, 0, err
		}
	}
	return out, answer.NextPage, nil
}

func (g *giteaForge) pull(ctx context.Context, number int) (PullRequest, error) {
	sdk, err := g.sdk(ctx)
	if err != nil {
		return PullRequest{}, err
	}
	p, _, err := sdk.GetPullRequest(g.owner, g.repo, int64(number))
	if err != nil {
		return PullRequest{}, err
	}
	return g.read(ctx, p, g.writers(ctx))
}

func giteaPull(p *gitea.PullRequest) PullRequest {
	out := PullRequest{
		Number: int(p.Index), Title: p.Title, URL: p.HTMLURL, State: StateOpen, body: p.Body, Fork: true,
		HeadRef: fmt.Sprintf("refs/pull/%d/head", p.Index),
	}
	if p.Poster != nil {
		out.Author = p.Poster.UserName
	}
	if p.Head != nil {
		out.Head, out.HeadBranch = p.Head.Sha, p.Head.Ref
	}
	if p.Base != nil {
		out.Base = p.Base.Ref
	}
	if p.Head != nil && p.Base != nil {
		// One that was pushed to refs/for/ needs the right to read only, and is
		// told as of this repository, but of no branch.
		out.Fork = p.Head.RepoID != p.Base.RepoID || p.Head.Name == ""
	}
	switch {
	case p.HasMerged:
		out.State = StateMerged
	case p.State != gitea.StateOpen:
		out.State = StateClosed
	}
	for _, l := range p.Labels {
		out.Labels = append(out.Labels, l.Name)
	}
	out.Labels = sorted(out.Labels)
	if p.Updated != nil {
		out.Updated = *p.Updated
	}
	return out
}

func (g *giteaForge) create(ctx context.Context, n NewPullRequest) (PullRequest, error) {
	sdk, err := g.sdk(ctx)
	if err != nil {
		return PullRequest{}, err
	}
	p, _, err := sdk.CreatePullRequest(g.owner, g.repo, gitea.CreatePullRequestOption{Head: n.Head, Base: n.Base, Title: n.Title, Body: n.Body})
	if err != nil {
		return PullRequest{}, err
	}
	return giteaPull(p), nil
}

func (g *giteaForge) retitle(ctx context.Context, number int, title, body string) error {
	sdk, err := g.sdk(ctx)
	if err != nil {
		return err
	}
	_, _, err = sdk.EditPullRequest(g.owner, g.repo, int64(number), gitea.EditPullRequestOption{Title: title, Body: &body})
	return err
}

func (g *giteaForge) shut(ctx context.Context, number int) error {
	sdk, err := g.sdk(ctx)
	if err != nil {
		return err
	}
	closed := gitea.StateClosed
	_, _, err = sdk.EditPullRequest(g.owner, g.repo, int64(number), gitea.EditPullRequestOption{State: &closed})
	return err
}

// addLabels looks ids up, since Gitea takes no names, and makes what is not
// there.
func (g *giteaForge) addLabels(ctx context.Context, number int, labels []string) error {
	sdk, err := g.sdk(ctx)
	if err != nil {
		return err
	}
	there, err := all(func(page int) ([]*gitea.Label, int, error) {
		list, answer, err := sdk.ListRepoLabels(g.owner, g.repo, gitea.ListLabelsOptions{ListOptions: giteaPageOf(page)})
		if err != nil {
			return nil, 0, err
		}
		return list, answer.NextPage, nil
	})
	if err != nil {
		return err
	}
	var ids []int64
	for _, name := range labels {
		i := slices.IndexFunc(there, func(l *gitea.Label) bool { return l.Name == name })
		if i < 0 {
			made, _, err := sdk.CreateLabel(g.owner, g.repo, gitea.CreateLabelOption{Name: name, Color: "#ededed"})
			if err != nil {
				return err
			}
			there, i = append(there, made), len(there)
		}
		ids = append(ids, there[i].ID)
	}
	_, _, err = sdk.AddIssueLabels(g.owner, g.repo, int64(number), gitea.IssueLabelsOption{Labels: ids})
	return err
}

// status reads all that the commit ever had, since they are ordered by their
// time in whole seconds only, and takes the one with the highest id.
func (g *giteaForge) status(ctx context.Context, commit, context string) (Status, error) {
	sdk, err := g.sdk(ctx)
	if err != nil {
		return Status{}, err
	}
	list, err := all(func(page int) ([]*gitea.Status, int, error) {
		list, answer, err := sdk.ListStatuses(g.owner, g.repo, commit, gitea.ListStatusesOption{ListOptions: giteaPageOf(page)})
		if err != nil {
			return nil, 0, err
		}
		return list, answer.NextPage, nil
	})
	if err != nil {
		return Status{}, err
	}
	var newest gitea.Status
	for _, s := range list {
		if s.Context == context && s.ID > newest.ID {
			newest = *s
		}
	}
	if newest.ID == 0 {
		return Status{}, nil
	}
	return Status{
		Commit: commit, Context: context, Verdict: Verdict(newest.State),
		Description: newest.Description, URL: newest.TargetURL,
	}, nil
}

func (g *giteaForge) addStatus(ctx context.Context, s Status) error {
	sdk, err := g.sdk(ctx)
	if err != nil {
		return err
	}
	_, _, err = sdk.CreateStatus(g.owner, g.repo, s.Commit, gitea.CreateStatusOption{
		State: gitea.StatusState(s.Verdict), TargetURL: s.URL, Description: s.Description, Context: s.Context,
	})
	return err
}
