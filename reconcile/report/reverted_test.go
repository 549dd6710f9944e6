package report

import (
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// TestAnAppSaysWhereItsRevertIs, of the very time that it went back, and only while
// that is what holds it.
func TestAnAppSaysWhereItsRevertIs(t *testing.T) {
	at := time.Unix(1000, 0)
	held := model.Held{Kind: model.HeldRollback, Revision: "bad"}
	for name, c := range map[string]struct {
		done Reverted
		held *model.Held
		want string
	}{
		"by a pull request":              {Reverted{PullRequest: 7, URL: "https://git.example.com/acme/shop/pulls/7"}, &held, "; pull request 7 asks to revert it: https://git.example.com/acme/shop/pulls/7"},
		"whose address was not noted":    {Reverted{PullRequest: 7, Commit: "123456789abc"}, &held, "; pull request 7 asks to revert it"},
		"by a commit":                    {Reverted{Commit: "123456789abc"}, &held, "; reverted in Git by 12345678"},
		"with nothing to do":             {Reverted{}, &held, "; nothing to revert in Git: it is a revert itself, or no file would change"},
		"that could not be done":         {Reverted{Error: "forge is away\nfor long"}, &held, "; can't be reverted in Git, which is tried again: forge is away"},
		"of another time":                {Reverted{PullRequest: 7, Since: at.Add(1)}, &held, ""},
		"of another commit":              {Reverted{PullRequest: 7, Failed: "worse"}, &held, ""},
		"while another rendering waits":  {Reverted{PullRequest: 7}, &model.Held{Kind: model.HeldRollback, Waits: "its window is shut"}, ""},
		"while somebody pinned it":       {Reverted{PullRequest: 7}, &model.Held{Kind: model.HeldPin}, ""},
		"when nothing holds it any more": {Reverted{PullRequest: 7}, nil, ""},
	} {
		if c.done.Failed == "" {
			c.done.Failed = "bad"
		}
		if c.done.Since.IsZero() {
			c.done.Since = at
		}
		s := &Status{Apps: []App{{Name: "blog"}, {
			Name: "shop", Reason: "held: rolled back", Held: c.held, Hold: &rollout.Hold{Revision: "bad", Since: at},
		}}}
		s.TellReverts(map[string]Reverted{"shop": c.done, "blog": c.done})
		if got := strings.TrimPrefix(s.Apps[1].Reason, "held: rolled back"); got != c.want || (s.Apps[1].Reverted != nil) != (c.want != "") {
			t.Errorf("%s: %q, %+v; want %q", name, got, s.Apps[1].Reverted, c.want)
		}
		if s.Apps[0].Reverted != nil || s.Apps[0].Reason != "" {
			t.Errorf("%s: an app that did not fail says %+v", name, s.Apps[0])
		}
		if text := statusText(t, s); !strings.Contains(text, "held: rolled back"+c.want+"\n") {
			t.Errorf("%s: got\n%s", name, text)
		}
	}
}
