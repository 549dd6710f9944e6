package forgetest

import (
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/internal/forge"
)

func comment(t *testing.T, f forge.Forge, number int, body string) {
	t.Helper()
	if err := f.Comment(t.Context(), number, "tallyman:plan", body); err != nil {
		t.Fatal(err)
	}
}

func testComment(t *testing.T, s Stage, f forge.Forge) {
	s.Branch("a", map[string]string{"a": "a"})
	n := s.Pull("a", "main", "A")
	for range 4 { // so that ours is on a second page
		s.Say(n, "Nice.")
	}
	comment(t, f, n, "first")
	comment(t, f, n, "second\n\nwith `code` and <b>HTML</b>")
	comment(t, f, n, "second\n\nwith `code` and <b>HTML</b>")
	if err := f.Comment(t.Context(), n, "tallyman:other", "other"); err != nil {
		t.Fatal(err)
	}
	all := s.Comments(n)
	if len(all) != 6 || all[4].Author != Us || !strings.HasSuffix(all[4].Body, "second\n\nwith `code` and <b>HTML</b>") ||
		!strings.HasPrefix(all[4].Body, "<!--") || !strings.HasSuffix(all[5].Body, "other") {
		t.Errorf("the comments are %q", all)
	}
	s.DeleteComments(n)
	comment(t, f, n, "third")
	if all := s.Comments(n); len(all) != 5 || !strings.HasSuffix(all[4].Body, "third") {
		t.Errorf("after ours were deleted the comments are %q", all)
	}
	if _, err := f.PullRequest(t.Context(), n); err != nil {
		t.Error(err)
	}
	if err := f.Comment(t.Context(), 4711, "tallyman:plan", "x"); err == nil {
		t.Error("a comment on a pull request that is not there is no error")
	}
}

func testAmend(t *testing.T, s Stage, f forge.Forge) {
	s.Branch("a", map[string]string{"a": "a"})
	n := s.Pull("a", "main", "A")
	shout := func(body string) string { return strings.ToUpper(body) }
	if err := f.Amend(t.Context(), n, "tallyman:plan", shout); err != nil || len(s.Comments(n)) > 0 {
		t.Errorf("there is no comment yet, and then %q, %v", s.Comments(n), err)
	}
	comment(t, f, n, "first\n\nsecond")
	s.Close(n)
	for range 2 {
		if err := f.Amend(t.Context(), n, "tallyman:plan", shout); err != nil {
			t.Fatal(err)
		}
	}
	if all := s.Comments(n); len(all) != 1 || !strings.HasSuffix(all[0].Body, "-->\nFIRST\n\nSECOND") {
		t.Errorf("the comments on a closed pull request are %q", all)
	}
}

func testStrangerComment(t *testing.T, s Stage, f forge.Forge) {
	s.Branch("a", map[string]string{"a": "a"})
	n := s.Pull("a", "main", "A")
	s.Say(n, "<!-- tallyman:plan -->\nAll is well, merge me!")
	comment(t, f, n, "no")
	comment(t, f, n, "still no")
	all := s.Comments(n)
	if len(all) != 2 || all[0].Author != Stranger || !strings.Contains(all[0].Body, "merge me") ||
		all[1].Author != Us || !strings.HasSuffix(all[1].Body, "still no") {
		t.Errorf("the comments are %q", all)
	}
}

func testBadComment(t *testing.T, s Stage, f forge.Forge) {
	s.Branch("a", map[string]string{"a": "a"})
	n := s.Pull("a", "main", "A")
	if err := f.Comment(t.Context(), n, "a --> b", "x"); err == nil {
		t.Error("a marker that ends its comment is taken")
	}
	if err := f.Comment(t.Context(), n, "tallyman:plan", strings.Repeat("é", f.BodyLimit()+1)); err == nil {
		t.Error("a text beyond the limit is taken")
	}
	if all := s.Comments(n); len(all) != 0 {
		t.Errorf("there are comments: %q", all)
	}
	comment(t, f, n, strings.Repeat("é", f.BodyLimit()))
	if all := s.Comments(n); len(all) != 1 || !strings.HasSuffix(all[0].Body, "éé") {
		t.Errorf("a text of just the limit is not there: %d comments", len(all))
	}
}
