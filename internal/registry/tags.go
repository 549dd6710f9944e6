package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

const (
	// maxTags bounds how many tags a repository may have, tagsPage how many are asked
	// for at once; maxPage bounds what is read of one answer.
	maxTags  = 20_000
	tagsPage = 1_000
	maxPage  = 8 << 20
	maxPages = 500
)

// tagName is what a tag may look like; what else a registry says is none.
var tagName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)

// Tags are all tags of an image's repository, in the registry's order. It asks page
// by page, each page once, and half a list is none. A registry that wants to be left
// alone is.
func (r *Resolver) Tags(ctx context.Context, image string, keys Keychain) ([]string, error) {
	q, err := parse(image)
	if err != nil {
		return nil, err
	}
	var tags []string
	err = r.once(ctx, q, keys, func(repo name.Repository, o []remote.Option) error {
		all, err := listTags(ctx, repo, append(o, remote.WithPageSize(tagsPage)))
		switch {
		case errors.Is(err, errTooMany):
			return &Error{Class: Invalid, Ref: q.ref, Registry: q.registry, Cause: err.Error()}
		case err == nil:
			tags = all
		}
		return err
	})
	return tags, err
}

var errTooMany = fmt.Errorf("the registry has more than %d tags of it; remove old ones there", maxTags)

func listTags(ctx context.Context, repo name.Repository, o []remote.Option) ([]string, error) {
	puller, err := remote.NewPuller(o...)
	if err != nil {
		return nil, err
	}
	pages, err := puller.Lister(ctx, repo)
	if err != nil {
		return nil, err
	}
	var tags []string
	seen := map[string]bool{}
	for n := 1; pages.HasNext(); n++ {
		page, err := pages.Next(ctx)
		if err != nil {
			return nil, err
		}
		for _, tag := range page.Tags {
			if tagName.MatchString(tag) && !seen[tag] {
				seen[tag] = true
				tags = append(tags, tag)
			}
		}
		if len(tags) > maxTags {
			return nil, errTooMany
		}
		if n == maxPages { // it may lead in a circle
			return nil, fmt.Errorf("the registry's list has more than %d pages", maxPages)
		}
	}
	return tags, nil
}

// cutOff cuts off answers that have no end.
type cutOff struct{ next http.RoundTripper }

// RoundTrip sends one request.
func (b cutOff) RoundTrip(request *http.Request) (*http.Response, error) {
	answer, err := b.next.RoundTrip(request)
	if err == nil {
		answer.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(answer.Body, maxPage), answer.Body}
	}
	return answer, err
}
