package forge

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"code.gitea.io/sdk/gitea"
)

// read turns what the SDK gives into ours. Of a pull request from afar only
// those labels count that somebody else put on than who opened it: Gitea takes
// labels from anybody with the request to open one.
func (g *giteaForge) read(ctx context.Context, p *gitea.PullRequest) (PullRequest, error) {
	out := giteaPull(p)
	if out.Fork && len(p.Labels) > 0 {
		events, err := g.events(ctx, out.Number)
		if err != nil {
			return PullRequest{}, err
		}
		out.Labels = vouched(p, events)
	}
	return out, nil
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
