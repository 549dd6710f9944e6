// Package policy judges manifests and plans by the rules of policies. It only
// says what is broken; whoever asks decides what that means.
//
// The rules and what they judge come apart: what a pull request asks for is
// judged by the policies of the branch that it is for, which it can't change.
// A rule that can't be judged counts as broken, and says why.
package policy

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/manifest/rule"
)

// Violation is a rule that is broken.
type Violation struct {
	Policy string `json:"policy"`
	// Rule is the expression that is not true.
	Rule    string `json:"rule"`
	Message string `json:"message"`
	// Where is what breaks it, as `Service web at shop/web.yaml:1:1`; of rules
	// about plans it is `plan`.
	Where string `json:"where"`

	subject manifest.Subject
}

// String is the violation in one line.
func (v Violation) String() string {
	return fmt.Sprintf("policy %q: %s (%s: %s)", v.Policy, v.Message, v.Where, oneLine(v.Rule))
}

// Same says whether two violations tell a person the same.
func (v Violation) Same(o Violation) bool { return v.Rule == o.Rule && v.String() == o.String() }

// oneLine is an expression without what only lays it out.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// Check judges the documents of a tree by the rules about manifests, and gives
// what is broken in the order of the places.
func Check(policies []*manifest.Policy, set *manifest.Set) []Violation {
	policies = slices.DeleteFunc(slices.Clone(policies), func(p *manifest.Policy) bool { return p.Spec.Over != manifest.OverManifests })
	if len(policies) == 0 {
		return nil
	}
	var broken []Violation
	subjects := set.Subjects()
	for _, p := range policies {
		for _, r := range p.Spec.Rules {
			j := judge{policy: p, rule: r, rules: map[string]*rule.Rule{}}
			for _, s := range subjects {
				if matches(&p.Spec.Match, &s) {
					j.document(s)
				}
			}
			broken = append(broken, j.broken...)
		}
	}
	slices.SortStableFunc(broken, func(a, b Violation) int {
		return cmp.Or(cmp.Compare(a.subject.File, b.subject.File), cmp.Compare(a.subject.Line, b.subject.Line), cmp.Compare(a.subject.Col, b.subject.Col))
	})
	return broken
}

// Hold holds a tree to its own policies. The error is a manifest.Errors, with the
// places of the documents that break one.
func Hold(set *manifest.Set) error {
	var errs manifest.Errors
	for _, v := range Check(set.Policies, set) {
		errs = append(errs, &manifest.Error{
			File: v.subject.File, Line: v.subject.Line, Col: v.subject.Col,
			Message: fmt.Sprintf("%s %q breaks policy %q: %s", v.subject.Kind, v.subject.Name, v.Policy, v.Message),
		})
	}
	if len(errs) == 0 {
		return nil
	}
	return errs
}

// matches says whether a document is one that the rules are about.
func matches(m *manifest.PolicyMatch, s *manifest.Subject) bool {
	if len(m.Kinds) > 0 && !slices.Contains(m.Kinds, s.Kind) {
		return false
	}
	inApp := func(pattern string) bool {
		ok, err := path.Match(pattern, s.App)
		return ok && err == nil && s.App != ""
	}
	if len(m.Apps) > 0 && !slices.ContainsFunc(m.Apps, inApp) {
		return false
	}
	for key, value := range m.Labels {
		if has, ok := s.Labels[key]; !ok || has != value {
			return false
		}
	}
	return true
}

// judge holds documents to one rule.
type judge struct {
	policy *manifest.Policy
	rule   manifest.PolicyRule
	rules  map[string]*rule.Rule // as it was read, by kind
	broken []Violation
}

func (j *judge) document(s manifest.Subject) {
	message := ""
	r, err := j.of(s.Kind)
	if err == nil {
		message, err = verdict(r, s.Values, j.rule.Message)
	}
	if err != nil {
		message = unjudged(j.rule.Message, err)
	}
	if message != "" {
		where := fmt.Sprintf("%s %s at %s:%d:%d", s.Kind, s.Name, s.File, s.Line, s.Col)
		j.broken = append(j.broken, Violation{Policy: j.policy.Metadata.Name, Rule: j.rule.Assert, Message: message, Where: where, subject: s})
	}
}

// of is the rule as it is read for a kind.
func (j *judge) of(kind string) (*rule.Rule, error) {
	if r := j.rules[kind]; r != nil {
		return r, nil
	}
	r, err := manifest.Language(kind).Compile(j.rule.Assert)
	j.rules[kind] = r
	return r, err
}

// verdict is the message of a rule that is broken, and nothing of one that is
// kept.
func verdict(r *rule.Rule, values map[string]any, message string) (string, error) {
	kept, err := r.Holds(values)
	if kept || err != nil {
		return "", err
	}
	return message, nil
}

// unjudged is the message of a rule that can't be judged.
func unjudged(message string, err error) string {
	return fmt.Sprintf("%s (the rule can't be judged, and so is not kept: %v)", message, err)
}
