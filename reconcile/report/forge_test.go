package report

import (
	"strings"
	"testing"
	"time"
)

// TestAStatusSaysThatTheForgeFails, and nothing of one that does not.
func TestAStatusSaysThatTheForgeFails(t *testing.T) {
	f := &Forge{Kind: "gitea", Repository: "acme/shop", Refused: 3}
	s := &Status{Time: time.Unix(1000, 0), Forge: f}
	if got := statusText(t, s); strings.Contains(got, "forge") {
		t.Errorf("where it fares well it says\n%s", got)
	}
	f.Error, f.Since = "list pull requests: forge \"git.example.com\" denies it\x1b[31m", time.Unix(880, 0)
	got := statusText(t, s)
	if want := "\n\nthe gitea forge of acme/shop fails, since 2m ago\n  list pull requests: forge \"git.example.com\" denies it"; !strings.Contains(got, want) || strings.Contains(got, "\x1b") {
		t.Errorf("got\n%s\nwithout %q", got, want)
	}
}
