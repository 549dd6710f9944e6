package report

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/preview"
)

// TestWhatRunsOfAPullRequestFitsIntoItsComment, however many apps it runs beside and
// whatever they say.
func TestWhatRunsOfAPullRequestFitsIntoItsComment(t *testing.T) {
	s := Status{}
	for i := range 30 {
		p := Preview{Name: fmt.Sprintf("app%d-pr-7", i), Number: 7, Head: "abcdef0123456789", State: preview.Running, Health: Healthy, Reason: strings.Repeat("<&>", 200)}
		for port := range 50 {
			p.Addresses = append(p.Addresses, Address{Service: "web", Port: 8080, Host: "edge-1", Published: 30000 + port, Protocol: "tcp"})
		}
		s.Previews = append(s.Previews, p)
	}
	s.Previews = append(s.Previews, Preview{Name: "shop-pr-8", Number: 8, State: preview.Queued, Reason: "3 of 3 run"})
	texts := PreviewMarkdown(&s)
	if n := len(texts[7]); n > PreviewRoom || !strings.Contains(texts[7], "app0-pr-7") || !strings.Contains(texts[7], "previews more") {
		t.Errorf("%d bytes:\n%s", n, texts[7])
	}
	for state, want := range map[preview.State]bool{preview.Running: true, preview.Expired: false, preview.Refused: false, preview.Queued: false} {
		p := Preview{Name: "shop-pr-9", Number: 9, State: state, Until: noon}
		if got := PreviewMarkdown(&Status{Previews: []Preview{p}})[9]; strings.Contains(got, ", until ") != want {
			t.Errorf("one that is %s: %q", state, got)
		}
	}
	if got := texts[8]; !strings.Contains(got, "**Preview** `shop-pr-8`") || !strings.Contains(got, "queued") || !strings.Contains(got, "3 of 3 run") {
		t.Errorf("got %q", got)
	}
}
