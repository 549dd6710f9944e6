package manifest

import "fmt"

// Policy is rules that a commit has to keep: its manifests, or the plan of what
// it would change. A commit whose manifests break one is refused as one that is
// not valid. It belongs to no app, and holds for all of the repository.
type Policy struct {
	Origin     `yaml:"-"`
	APIVersion string     `yaml:"apiVersion" check:"required,enum=tallyman/v1"`
	Kind       string     `yaml:"kind" check:"required,enum=Policy"`
	Metadata   Metadata   `yaml:"metadata" check:"required"`
	Spec       PolicySpec `yaml:"spec" check:"required"`
}

func (p *Policy) name() string { return p.Metadata.Name }

// What the rules of a policy are about.
const (
	OverManifests = "manifests"
	OverPlan      = "plan"
)

// PolicySpec says what the rules are about, and which they are.
type PolicySpec struct {
	// What the rules are about. `manifests`: each document by itself, whenever
	// a commit is read. `plan`: all that would be changed, when a person plans or
	// applies it.
	Over string `yaml:"over" check:"enum=manifests|plan" default:"manifests"`
	// Which documents the rules are about; without it all. Not with `over: plan`.
	Match PolicyMatch `yaml:"match,omitempty"`
	// The rules, all of which have to be kept.
	Rules []PolicyRule `yaml:"rules" check:"required,nonEmpty"`
}

// PolicyMatch narrows down which documents rules are about: those that fulfil
// all that is given.
type PolicyMatch struct {
	// The kinds of the documents. The expressions are checked against the fields
	// of each of them; without kinds they can only speak of what all kinds have.
	Kinds []string `yaml:"kinds,omitempty" check:"unique,enum=Host|Fleet|Policy|App|Service|Job|Config|Secret|Network|Volume|ImagePolicy|Notification"`
	// The apps that they belong to, in which `*` stands for any part of a name:
	// `shop-*`. An App belongs to itself; a Host, a Fleet and a Policy to none.
	Apps []string `yaml:"apps,omitempty" check:"unique,format=appPattern"`
	// Labels that they have, in metadata.
	Labels map[string]string `yaml:"labels,omitempty" check:"keys=labelKey"`
}

// PolicyRule is what has to be so, and what to say when it is not.
type PolicyRule struct {
	// An expression (CEL) that is true where the rule is kept.
	Assert string `yaml:"assert" check:"required,format=text,ref=rule" aka:"expression,rule,cel,validate"`
	// What to tell who broke it: why it is a rule, and what to do.
	Message string `yaml:"message" check:"required,format=line" aka:"messageExpression"`
}

func (s *PolicySpec) check(c *context) {
	if s.Over == OverPlan {
		c.notWith("match", "over: plan", "which is about all that would be changed")
	}
}

// What all expressions of a repository come to is bounded: to read one takes time,
// and who proposes them need not be who holds to them.
const (
	maxRules      = 200
	maxRulesChars = 20_000
)

// rules reads the expressions of all policies.
func (k *linker) rules() {
	count, chars := 0, 0
	for _, p := range k.set.Policies {
		for _, r := range p.refs {
			if r.kind != refRule {
				continue
			}
			count, chars = count+1, chars+len(r.name)
			if count > maxRules || chars > maxRulesChars {
				k.errorAt(p, r.place, r.path, fmt.Sprintf("is one of more than %d rules, or beyond %d characters of expressions in all", maxRules, maxRulesChars))
				return
			}
			k.rule(p, r)
		}
	}
}

// rule reads an expression for each kind that it is about, until one has not what
// it speaks of.
func (k *linker) rule(p *Policy, r ref) {
	for _, kind := range p.Spec.kinds() {
		_, err := Language(kind).Compile(r.name)
		switch {
		case err == nil:
			continue
		case p.Spec.Over == OverPlan:
			k.errorAt(p, r.place, r.path, err.Error())
		default:
			e := k.errorAt(p, r.place, r.path, fmt.Sprintf("%v, for kind %s", err, kind))
			if len(p.Spec.Match.Kinds) == 0 {
				e.Hint = "name the kinds that it is about in spec.match.kinds"
			}
		}
		return
	}
}

// kinds are those of the documents that the rules are about; a plan is none. What
// is wrong has been reported, and nothing is known of it.
func (s *PolicySpec) kinds() []string {
	switch {
	case s.Over == "":
		return nil
	case s.Over == OverPlan:
		return []string{""}
	case len(s.Match.Kinds) == 0:
		return kindNames()
	}
	var known []string
	for _, kind := range s.Match.Kinds {
		if contains(kindNames(), kind) {
			known = append(known, kind)
		}
	}
	return known
}

func kindNames() []string {
	var names []string
	for _, k := range Kinds() {
		names = append(names, k.Name)
	}
	return names
}
