package reconcile

import (
	"context"
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/proposal"
)

// neverAsked is a registry that must not be asked for certain images.
type neverAsked struct {
	t         *testing.T
	forbidden string
}

func (a neverAsked) Digest(_ context.Context, q ImageQuestion) (string, error) {
	a.hear(q)
	return "sha256:" + model.Hash(q.Ref), nil
}

func (a neverAsked) Platforms(_ context.Context, q ImageQuestion) ([]string, error) {
	a.hear(q)
	return []string{"linux/amd64"}, nil
}

func (a neverAsked) hear(q ImageQuestion) {
	if strings.Contains(q.Ref, a.forbidden) {
		a.t.Errorf("a registry was asked for %s", q.Ref)
	}
}

// TestNothingOfAProposalIsAsked: registries hear nothing of images that only the
// proposal has, and no key opens its secrets.
func TestNothingOfAProposalIsAsked(t *testing.T) {
	pulled := func(image string) string {
		return strings.Replace(serviceManifest("web", image, 1), "pull: never", "pull: missing", 1)
	}
	base := shopFiles().with(files{"shop/web.yaml": pulled("web:1"), "shop/api.yaml": strings.Replace(pulled("api:1"), "name: web", "name: api", 1)})
	for _, image := range []string{"evil.example.com/web:1", "evil.example.com/web@sha256:" + strings.Repeat("ab", 32)} {
		p := proposing{registries: neverAsked{t, "evil.example.com"}}.must(t, base, base.with(files{"shop/web.yaml": pulled(image)}))
		if got := told(p); p.Counts != (proposal.Counts{Replace: 1}) || !strings.Contains(got, "evil.example.com/web") {
			t.Errorf("it is\n%s", got)
		}
	}
}

func armored(url string) string {
	return "apiVersion: tallyman/v1\nkind: Secret\nmetadata: {name: db}\nspec:\n  age:\n    url: |\n      -----BEGIN AGE ENCRYPTED FILE-----\n      " + url + "\n      -----END AGE ENCRYPTED FILE-----\n"
}

func TestProposedSecretsStayClosed(t *testing.T) {
	base := shopFiles().with(files{"shop/db.yaml": armored("YWdl"), "shop/web.yaml": serviceManifest("web", "web:1", 1, "environment: {URL: {secret: db, key: url}}")})
	if p := (proposing{}).must(t, base, base.with(files{"x.md": "words"})); !p.Empty() {
		t.Errorf("with the same secret it is\n%s", told(p))
	}
	p := proposing{}.must(t, base, base.with(files{"shop/db.yaml": armored("b3RoZXI=")}))
	if got := told(p); p.Counts != (proposal.Counts{Replace: 1}) || !strings.Contains(got, "secret shop/secret db: is written anew, with url; the values stay closed") || strings.Contains(got, "b3RoZXI") {
		t.Errorf("with another one it is\n%s", got)
	}
}
