package reconcile

import (
	"strings"
	"testing"
)

// TestProposalsAreJudgedByTheBase and not by what they make of its policies.
func TestProposalsAreJudgedByTheBase(t *testing.T) {
	base := shopFiles().with(files{"policy.yaml": noPrivileged + "---" + fewRemovals, "many.yaml": serviceManifest("many", "web:1", 3)})
	weak := strings.Replace(noPrivileged, "containers.all(c, !c.privileged)", "true", 1)
	for name, c := range map[string]struct {
		changes files
		want    []string
	}{
		"keeps them":         {files{"many.yaml": serviceManifest("many", "web:2", 2)}, nil},
		"breaks one":         {files{"more.yaml": serviceManifest("more", "web:1", 1, "privileged: true")}, []string{"Service more at more.yaml:1:1"}},
		"weakens it as well": {files{"more.yaml": serviceManifest("more", "web:1", 1, "privileged: true"), "policy.yaml": weak}, []string{"Service more at more.yaml:1:1"}},
		"removes too many":   {files{"many.yaml": serviceManifest("many", "web:1", 1)}, []string{"plan"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := proposing{}.must(t, base, base.with(c.changes))
			var got []string
			for _, v := range p.Violations {
				got = append(got, v.Where)
			}
			if strings.Join(got, ", ") != strings.Join(c.want, ", ") {
				t.Errorf("it breaks %+v, want %v", p.Violations, c.want)
			}
			if _, weakens := c.changes["policy.yaml"]; weakens && !strings.Contains(told(p), "policy") {
				t.Errorf("that it changes a policy is not told of:\n%s", told(p))
			}
		})
	}
}
