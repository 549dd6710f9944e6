package report

import (
	"slices"
	"strings"

	"github.com/tallyman-io/tallyman/reconcile/plan"
)

// goneApps are apps that no manifest names and that still have something.
func (f *folder) goneApps(s *Status) {
	declared := map[string]bool{}
	for i := range s.Apps {
		declared[s.Apps[i].Name] = true
	}
	for name, first := range f.dirty {
		if !declared[name] {
			s.Apps = append(s.Apps, App{Name: name, Gone: true, Sync: OutOfSync, Health: Healthy, Reason: goneBecause(first), Services: []Service{}, Preview: f.previewOf(first)})
		}
	}
	slices.SortFunc(s.Apps, func(a, b App) int { return strings.Compare(a.Name, b.Name) })
}

func goneBecause(first *plan.Change) string {
	if first.Preview {
		return "the preview is over, being removed"
	}
	if first.Verdict == plan.Blocked && len(first.Reasons) > 0 {
		return "no longer in the manifests; " + first.Reasons[0]
	}
	return "no longer in the manifests, being removed"
}

// previewOf is the number of the pull request that something gone was a preview of.
func (f *folder) previewOf(c *plan.Change) string {
	number := f.in.Rollout.State.Records[c.Key.App].Preview
	if number == "" && c.Preview {
		number = c.Key.App[strings.LastIndex(c.Key.App, "-")+1:] // nobody remembers it
	}
	return number
}
