package report

import (
	"strings"
	"time"
)

// ImagePolicy is how an image fares that a policy follows.
type ImagePolicy struct {
	Name  string `json:"name"`
	App   string `json:"app"`
	Image string `json:"image"` // without a tag
	// Current are the references that its services have in the manifests.
	Current []string `json:"current"`
	// Next are the newer ones that were chosen, or that the pull request asks for.
	Next []string `json:"next,omitempty"`
	// PullRequest is where people find the open pull request that asks for them.
	PullRequest string `json:"pullRequest,omitempty"`
	// Asked is when the registry was asked last; never is the zero time.
	Asked time.Time `json:"asked,omitzero"`
	// Error says why the image was not followed the last time, and Since since when
	// that has been so.
	Error string    `json:"error,omitempty"`
	Since time.Time `json:"since,omitzero"`
}

// imagePolicies says which images are not followed, and of which no registry was
// asked yet: those have no answer that could be a failure.
func (t *text) imagePolicies(s *Status) {
	var unasked []string
	for i := range s.ImagePolicies {
		p := &s.ImagePolicies[i]
		switch {
		case p.Error != "":
			t.gap()
			t.line("%s", t.paint(alarm, "image policy \""+p.Name+"\" of app "+p.App+" fails, since "+since(ago(s.Time, p.Since))))
			t.line("  %s", clean(p.Error))
		case p.Asked.IsZero():
			unasked = append(unasked, p.Name)
		}
	}
	if len(unasked) > 0 {
		t.gap()
		t.line("image policies without a first answer yet: %s", strings.Join(unasked, ", "))
	}
}

func (t *text) imageTable(s *Status) {
	rows := [][]cell{header("POLICY", "APP", "IMAGE", "CURRENT", "NEXT", "ASKED", "PULL REQUEST", "WHY")}
	for i := range s.ImagePolicies {
		p := &s.ImagePolicies[i]
		asked := "not yet"
		if !p.Asked.IsZero() {
			asked = ago(s.Time, p.Asked)
		}
		rows = append(rows, []cell{
			word(p.Name), word(p.App), word(p.Image), word(p.versions(p.Current)), word(p.versions(p.Next)),
			word(asked), word(or(clean(p.PullRequest))), colored(clean(p.Error), red),
		})
	}
	t.table("", rows)
}

// versions are references without what all of them begin with.
func (p *ImagePolicy) versions(refs []string) string {
	var short []string
	for _, ref := range refs {
		short = append(short, strings.TrimPrefix(strings.TrimPrefix(ref, p.Image), ":"))
	}
	return or(strings.Join(short, ", "))
}
