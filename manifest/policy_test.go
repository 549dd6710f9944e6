package manifest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/manifest"
)

func policyOf(name string, rules ...string) string {
	var b strings.Builder
	for _, r := range rules {
		fmt.Fprintf(&b, "{assert: %q, message: m}, ", r)
	}
	return doc("Policy", name, "{rules: ["+b.String()+"]}")
}

// To read an expression takes time: nobody makes others read any number of them.
func TestAllExpressionsTogetherAreBounded(t *testing.T) {
	many := slices.Repeat([]string{"true"}, 150)
	load(t, tree("a.yaml", policyOf("a", many...)))
	errs := loadErrors(t, tree("a.yaml", policyOf("a", many...), "b.yaml", policyOf("b", many...)), manifest.Options{})
	if len(errs) != 1 || errs[0].File != "b.yaml" || errs[0].Path != "spec.rules[50].assert" || !strings.Contains(errs[0].Message, "more than 200 rules") {
		t.Errorf("got %v", errs)
	}
	long := slices.Repeat([]string{`"` + strings.Repeat("x", 1900) + `" != ""`}, 11)
	errs = loadErrors(t, tree("a.yaml", policyOf("a", long...)), manifest.Options{})
	if len(errs) != 1 || !strings.Contains(errs[0].Message, "beyond 20000 characters") {
		t.Errorf("got %v", errs)
	}
}

// A kind that there is, rules can be about.
func TestRulesMayBeAboutEveryKind(t *testing.T) {
	for _, k := range manifest.Kinds() {
		set := load(t, tree("p.yaml", doc("Policy", "p", fmt.Sprintf(`{match: {kinds: [%s]}, rules: [{assert: 'has(metadata.labels) || kind != "" || app == file || metadata.name != ""', message: m}]}`, k.Name))))
		if got := set.Policies[0].Spec.Match.Kinds[0]; got != k.Name {
			t.Errorf("got %s", got)
		}
	}
}
