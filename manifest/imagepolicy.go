package manifest

import (
	"fmt"
	"slices"

	"github.com/tallyman-io/tallyman/reconcile/imagepolicy"
)

// ImagePolicy follows the tags of an image and commits newer ones to the manifests
// of the services that run it, of its own app only.
type ImagePolicy struct {
	Origin     `yaml:"-"`
	APIVersion string          `yaml:"apiVersion" check:"required,enum=tallyman/v1"`
	Kind       string          `yaml:"kind" check:"required,enum=ImagePolicy"`
	Metadata   Metadata        `yaml:"metadata" check:"required"`
	Spec       ImagePolicySpec `yaml:"spec" check:"required"`
}

func (p *ImagePolicy) name() string { return p.Metadata.Name }

// ImagePolicySpec is what is followed, and where it leads to.
type ImagePolicySpec struct {
	// The image without a tag, as the services write it.
	Image string `yaml:"image" check:"required,format=imageName" aka:"imageRepository,repository"`
	// Which of its tags is wanted.
	Follow ImageFollow `yaml:"follow" check:"required" aka:"policy,filter"`
	// The services that get it. Without it all of the app whose own container runs
	// the image; init containers, sidecars and jobs are left to people.
	Services []string `yaml:"services,omitempty" check:"nonEmpty,unique,format=name,ref=Service"`
	// How a newer one gets into the repository.
	Commit ImageCommit `yaml:"commit"`
	// How often the registry is asked.
	Interval Duration `yaml:"interval" check:"min=30s,max=720h" default:"5m"`
}

// ImageFollow says which tag is wanted: exactly one of semver, pattern and
// digestOf is given. Never is an older one taken than the one that is there.
type ImageFollow struct {
	_ struct{} `exactlyOne:"semver,pattern,digestOf"`
	// The highest version in a range such as `">=1.4 <2"` or `1.4.x`. Only whole
	// versions count, as 1.4.2 and v1.4.2, and prereleases only where the range
	// names one itself, as in `">=1.4.0-0"`.
	Semver string `yaml:"semver,omitempty" check:"format=text"`
	// The last of the tags that match a regular expression, by its only group or
	// the one that has a name, as in `^main-[0-9a-f]+-(?P<ts>[0-9]+)$`, or else by
	// the whole tag.
	Pattern string `yaml:"pattern,omitempty" check:"format=text" aka:"regex,regexp"`
	// How tags that match the pattern are ordered: `numeric`, as it is without this
	// field, where only numbers count and numbers with dots between, or `alphabetic`.
	Order string `yaml:"order,omitempty" check:"enum=numeric|alphabetic"`
	// What this tag stands for. The manifest gets the tag with its digest.
	DigestOf string `yaml:"digestOf,omitempty" check:"format=imageTag" aka:"digest,tag"`
}

// ImageCommit says how a newer version gets into the repository.
type ImageCommit struct {
	// `branch` commits to the followed branch, `pullRequest` asks on the forge.
	To string `yaml:"to" check:"enum=branch|pullRequest" default:"branch"`
	// How the branches of the pull requests begin; `tallyman/images` without it.
	// Policies that say the same are asked for together.
	Branch string `yaml:"branch,omitempty" check:"format=gitBranch"`
}

// Rule is what is followed, to decide by. It was checked when it was read.
func (f *ImageFollow) Rule() (*imagepolicy.Rule, error) {
	return imagepolicy.Parse(imagepolicy.Follow{Semver: f.Semver, Pattern: f.Pattern, Order: f.Order, DigestOf: f.DigestOf})
}

func (f *ImageFollow) check(c *context) {
	if c.has("order") && !c.has("pattern") {
		c.at("order").errorf("has a meaning with pattern only")
	}
	field, given := "semver", f.Semver
	if f.Pattern != "" {
		field, given = "pattern", f.Pattern
	}
	if given == "" {
		return // reported already, or a tag
	}
	if _, err := f.Rule(); err != nil {
		c.at(field).errorf("%v", err)
	}
}

func (i *ImageCommit) check(c *context) {
	if c.has("branch") && i.To != "pullRequest" {
		c.at("branch").errorf("has a meaning with to: pullRequest only; commits go to the followed branch")
	}
}

// runs says whether a service runs the policy's image, whatever the tag.
func (p *ImagePolicy) runs(s *Service) bool {
	image, _ := imagepolicy.Split(s.Spec.Image)
	return s.App == p.App && image == p.Spec.Image
}

// ServicesOf are the services that a policy is for, by name.
func (s *Set) ServicesOf(p *ImagePolicy) []*Service {
	var found []*Service
	for _, service := range s.Services {
		named := p.Spec.Services == nil || slices.Contains(p.Spec.Services, service.Metadata.Name)
		if named && p.runs(service) {
			found = append(found, service)
		}
	}
	return found
}

// imagePolicies refuses those that are for nothing, and two for one service: they
// would take turns.
func (k *linker) imagePolicies() {
	if k.set.unread {
		return // what can't be read may be what they are for
	}
	services, first := byName(k.set.Services), map[*Service]*ImagePolicy{}
	for _, p := range k.set.ImagePolicies {
		for _, r := range p.refs {
			s, _ := services.of(p.App, r.name).(*Service)
			if s != nil && len(s.wrong) == 0 && !p.runs(s) {
				k.errorAt(p, r.place, r.path, fmt.Sprintf("service %q runs %s, and not %s", r.name, s.Spec.Image, p.Spec.Image))
			}
		}
		found := k.set.ServicesOf(p)
		if len(found) == 0 && len(p.Spec.Services) == 0 && len(p.wrong) == 0 {
			k.nameError(p, fmt.Sprintf("no service of app %q runs %s", p.App, p.Spec.Image)).Hint = "write the image as the services do, and the policy into their app's folder"
		}
		for _, s := range found {
			if other := first[s]; other != nil {
				k.nameError(p, fmt.Sprintf("service %q has an ImagePolicy already", s.Metadata.Name)).Hint = "the other one is at " + where(other)
				break
			}
			first[s] = p
		}
	}
}
