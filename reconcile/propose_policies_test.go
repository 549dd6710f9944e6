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

// TestProposalsAreJudgedByThemselves too: what would be refused once it is merged is
// not called good before.
func TestProposalsAreJudgedByThemselves(t *testing.T) {
	rule := func(kind, assert string) string {
		return "apiVersion: tallyman/v1\nkind: Policy\nmetadata: {name: own}\nspec:\n  match: {kinds: [" + kind + "]}\n  rules: [{assert: '" + assert + "', message: no}]\n"
	}
	base := shopFiles().with(files{"shop/db.yaml": armored("YWdl"), "policy.yaml": noPrivileged})
	for name, c := range map[string]struct {
		changes files
		want    string
	}{
		"keeps its own":        {files{"own.yaml": rule("Service", `spec.replicas == 3`)}, ""},
		"breaks its own":       {files{"own.yaml": rule("Service", `spec.replicas == 4`)}, "own: no at Service web at shop/web.yaml:1:1"},
		"can't be judged":      {files{"own.yaml": rule("Service", `metadata.labels["nope"] == "a"`)}, "own: no (the rule can't be judged, and so is not kept: no such key: nope) at Service web at shop/web.yaml:1:1"},
		"speaks of a secret":   {files{"own.yaml": rule("Secret", `spec.age["url"].startsWith("postgres")`)}, "own: no at Secret db at shop/db.yaml:1:1"},
		"breaks the base's":    {files{"more.yaml": serviceManifest("more", "web:1", 1, "privileged: true")}, "no-privileged: ask the platform team at Service more at more.yaml:1:1"},
		"sharpens the base's":  {files{"policy.yaml": noPrivileged + "---\n" + rule("Service", `spec.replicas < 3`)}, "own: no at Service web at shop/web.yaml:1:1"},
		"a rule about plans":   {files{"own.yaml": fewRemovals, "shop/web.yaml": serviceManifest("web", "web:1", 1)}, ""}, // who follows a branch is not held to these
		"takes a policy away":  {files{"policy.yaml": ""}, ""},
		"mends what it breaks": {files{"own.yaml": rule("Service", `spec.replicas == 4`), "shop/web.yaml": serviceManifest("web", "web:1", 4)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, v := range (proposing{}).must(t, base, base.with(c.changes)).Violations {
				got = append(got, v.Policy+": "+v.Message+" at "+v.Where)
			}
			if strings.Join(got, "\n") != c.want {
				t.Errorf("it breaks\n%s\nwant\n%s", strings.Join(got, "\n"), c.want)
			}
		})
	}
}
