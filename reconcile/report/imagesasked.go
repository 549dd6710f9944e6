package report

import (
	"slices"
	"strings"
	"time"
)

// ImagesAsked is a pull request that asked for newer images.
type ImagesAsked struct {
	Branch      string    `json:"branch"`
	PullRequest int       `json:"pullRequest"`
	At          time.Time `json:"at"`
	// Images are the policies and the references that they follow to, each as
	// "policy reference".
	Images []string `json:"images"`
	// Commit is what was pushed for it; "" where that is not known, as when it was
	// pushed and not noted.
	Commit string `json:"commit,omitempty"`
	// ReplacedBy is the newer pull request for the same policies, once that was said
	// on this one.
	ReplacedBy int `json:"replacedBy,omitempty"`
	// Over says that it needs no look any more: nobody can merge it, or all was said
	// that there was to say on it.
	Over bool `json:"over,omitempty"`
}

// SharesPolicy says whether both ask for the same policy.
func (a ImagesAsked) SharesPolicy(b ImagesAsked) bool {
	return slices.ContainsFunc(b.Images, func(image string) bool {
		name, _ := policyOf(image)
		return a.OfPolicy(name) != nil
	})
}

// OfPolicy are the references that it asks for on behalf of a policy.
func (a ImagesAsked) OfPolicy(policy string) []string {
	var refs []string
	for _, image := range a.Images {
		if name, ref := policyOf(image); name == policy {
			refs = append(refs, ref)
		}
	}
	return refs
}

// Left are the policies that none of the others ask for.
func (a ImagesAsked) Left(others []ImagesAsked) []string {
	var left []string
	for _, image := range a.Images {
		name, _ := policyOf(image)
		if !slices.ContainsFunc(others, func(b ImagesAsked) bool { return b.OfPolicy(name) != nil }) && !slices.Contains(left, name) {
			left = append(left, name)
		}
	}
	return left
}

func policyOf(image string) (name, ref string) {
	name, ref, _ = strings.Cut(image, " ")
	return name, ref
}
