package forge

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"sync"

	"code.gitea.io/sdk/gitea"
)

// writers are the accounts that may be taken to have rights in the repository, asked
// for when they are first needed. That is who may be assigned to something, which
// whoever may read may ask: Gitea tells the rights themselves to administrators only.
func (g *giteaForge) writers(ctx context.Context) func() (map[int64]bool, error) {
	return sync.OnceValues(func() (map[int64]bool, error) {
		sdk, err := g.sdk(ctx)
		if err != nil {
			return nil, err
		}
		list, _, err := sdk.GetAssignees(g.owner, g.repo)
		ids := map[int64]bool{}
		for _, u := range list {
			ids[u.ID] = true
		}
		return ids, err
	})
}

// read turns what the SDK gives into ours. One whose labels can't be judged, such as
// for a timeline that strangers have filled, keeps the others from nothing.
func (g *giteaForge) read(ctx context.Context, p *gitea.PullRequest, writers func() (map[int64]bool, error)) (PullRequest, error) {
	out := giteaPull(p)
	if len(p.Labels) == 0 {
		return out, nil
	}
	labels, err := g.labels(ctx, p, out.Fork, writers)
	switch {
	case err == nil:
		out.Labels = labels
	case ctx.Err() != nil, ClassOf(err) == RateLimited:
		return PullRequest{}, err
	default:
		out.Labels, out.Unjudged = nil, g.wire.wrap(err, "judge the labels of pull request %d", out.Number).Error()
	}
	return out, nil
}

// labels are those that count. Gitea takes labels from anybody with the request to
// open a pull request; of a branch of the repository collaborators may who only read.
// So they count of somebody with rights, if it is no fork, or when somebody else put
// them on than who opened it.
func (g *giteaForge) labels(ctx context.Context, p *gitea.PullRequest, fork bool, writers func() (map[int64]bool, error)) ([]string, error) {
	if !fork {
		ids, err := writers()
		if err != nil {
			return nil, err
		}
		if p.Poster != nil && ids[p.Poster.ID] {
			return giteaPull(p).Labels, nil
		}
	}
	events, err := g.events(ctx, int(p.Index))
	if err != nil {
		return nil, err
	}
	return vouched(p, events), nil
}

// giteaEvent is what the timeline says of a label.
type giteaEvent struct {
	Type  string
	Body  string // "1" when the label was put on, "" when it was taken off
	User  *struct{ ID int64 }
	Label *struct{ ID int64 }
}

// events reads a timeline whole, which Gitea gives where no page is asked for.
// The SDK reads the label of an event as a list, which it is not.
func (g *giteaForge) events(ctx context.Context, number int) ([]giteaEvent, error) {
	address := fmt.Sprintf("%s/api/v1/repos/%s/%s/issues/%d/timeline", g.url, url.PathEscape(g.owner), url.PathEscape(g.repo), number)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", "tallyman")
	answer, err := g.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	var out []giteaEvent
	if err := json.NewDecoder(answer.Body).Decode(&out); err != nil {
		return nil, fmt.Errorf("read timeline: %w", err)
	}
	return out, nil
}

// vouched are the labels that somebody else than the poster put on last. Where
// nobody is known to have, as after a repository moved, a label does not count.
func vouched(p *gitea.PullRequest, events []giteaEvent) []string {
	by := map[int64]bool{}
	for _, e := range events {
		if e.Type == "label" && e.Label != nil {
			by[e.Label.ID] = e.Body == "1" && p.Poster != nil && e.User != nil && e.User.ID != p.Poster.ID
		}
	}
	var out []string
	for _, l := range p.Labels {
		if by[l.ID] {
			out = append(out, l.Name)
		}
	}
	return sorted(out)
}
