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
	// ReplacedBy is the newer pull request for the same policies, once that was said
	// on this one.
	ReplacedBy int `json:"replacedBy,omitempty"`
}

// SharesPolicy says whether both ask for the same policy.
func (a ImagesAsked) SharesPolicy(b ImagesAsked) bool {
	policy := func(image string) string { name, _, _ := strings.Cut(image, " "); return name }
	return slices.ContainsFunc(a.Images, func(x string) bool {
		return slices.ContainsFunc(b.Images, func(y string) bool { return policy(x) == policy(y) })
	})
}
