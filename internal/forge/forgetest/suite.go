package forgetest

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/internal/forge"
)

// Run holds a kind of forge to what Forge promises.
func Run(t *testing.T, newStage func(*testing.T) Stage) {
	for name, test := range map[string]func(*testing.T, Stage, forge.Forge){
		"lists the open ones into a base, over all pages":  testList,
		"says of each what it is":                          testFields,
		"an error is never an empty list":                  testErrors,
		"keeps one comment":                                testComment,
		"amends a comment that there is":                   testAmend,
		"a stranger's comment with our marker is not ours": testStrangerComment,
		"refuses a comment that no forge would take":       testBadComment,
		"sets a status once":                               testStatus,
		"remarks on lines once":                            testAnnotate,
		"ends remarks that no longer hold":                 testRemarksEnd,
		"opens a pull request once":                        testOpen,
		"closes what we have opened, and nothing else":     testClose,
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			f, err := forge.Open(s.Config())
			if err != nil {
				t.Fatal(err)
			}
			test(t, s, f)
		})
	}
}

func numbers(list []forge.PullRequest) []int {
	var out []int
	for _, p := range list {
		out = append(out, p.Number)
	}
	return out
}

func testList(t *testing.T, s Stage, f forge.Forge) {
	list, err := f.PullRequests(t.Context(), "main")
	if err != nil || len(list) != 0 {
		t.Fatalf("of a repository without any: %v, %v", list, err)
	}
	var want []int
	for _, branch := range []string{"a", "b", "c", "d", "e", "f", "g"} { // more than two pages of a stage
		s.Branch(branch, map[string]string{branch + ".yaml": branch})
		want = append(want, s.Pull(branch, "main", "Change "+branch))
	}
	s.Pull("a", "other", "Not into main")
	s.Close(want[1])
	s.Merge(want[2])
	want = slices.Delete(want, 1, 3)
	list, err = f.PullRequests(t.Context(), "main")
	if err != nil || !slices.Equal(numbers(list), want) {
		t.Errorf("open into main: %v, %v; want %v", numbers(list), err, want)
	}
}

func testFields(t *testing.T, s Stage, f forge.Forge) {
	commit := s.Branch("feature", map[string]string{"web.yaml": "a\n"})
	mine := s.Pull("feature", "main", `Evil </details> "title"`)
	s.Label(mine, "preview")
	s.Label(mine, "big")
	strange, forked := s.ForkPull("feature", "From afar")
	s.Label(strange, "may be planned")
	p := look(t, f, mine)
	if p.Title != `Evil </details> "title"` || p.Author != Owner || p.State != forge.StateOpen || p.Fork ||
		p.Head != commit || p.HeadBranch != "feature" || p.Base != "main" ||
		!slices.Equal(p.Labels, []string{"big", "preview"}) || p.Updated.IsZero() || !strings.HasPrefix(p.URL, "http") {
		t.Errorf("a colleague's pull request is %+v, its commit %s", p, commit)
	}
	if got := s.Resolve(p.HeadRef); got != commit {
		t.Errorf("%s is %s, want %s", p.HeadRef, got, commit)
	}
	q := look(t, f, strange)
	if !q.Fork || q.Author != Stranger || q.Head != forked || q.HeadBranch != "feature" || s.Resolve(q.HeadRef) != forked ||
		!slices.Equal(q.Labels, []string{"may be planned"}) {
		t.Errorf("a stranger's pull request is %+v, its commit %s", q, forked)
	}
	s.Close(strange)
	s.Merge(mine)
	if p, q := look(t, f, mine), look(t, f, strange); p.State != forge.StateMerged || q.State != forge.StateClosed {
		t.Errorf("the merged one is %s, the closed one %s", p.State, q.State)
	}
}

func look(t *testing.T, f forge.Forge, number int) forge.PullRequest {
	t.Helper()
	p, err := f.PullRequest(t.Context(), number)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func testErrors(t *testing.T, s Stage, f forge.Forge) {
	if _, err := f.PullRequest(t.Context(), 4711); forge.ClassOf(err) != forge.NotFound {
		t.Errorf("of one that is not there: %v", err)
	}
	c := s.Config()
	c.Repository = Owner + "/nowhere"
	if list, err := open(t, c).PullRequests(t.Context(), "main"); forge.ClassOf(err) != forge.NotFound {
		t.Errorf("of a repository that is not there: %v, %v", list, err)
	}
	c = s.Config()
	c.TokenFile = filepath.Join(t.TempDir(), "token")
	const canary = "canary-5f1c9a3e77"
	if err := os.WriteFile(c.TokenFile, []byte(canary), 0o600); err != nil {
		t.Fatal(err)
	}
	denied := open(t, c)
	if _, err := denied.PullRequests(t.Context(), "main"); err == nil || strings.Contains(err.Error(), canary) {
		t.Errorf("listing with a wrong token: %v", err)
	}
	err := denied.Comment(t.Context(), 1, "tallyman:test", "Hello")
	if forge.ClassOf(err) != forge.Denied || strings.Contains(err.Error(), canary) {
		t.Errorf("commenting with a wrong token: %v", err)
	}
	var e *forge.Error
	if errors.As(err, &e); e == nil || e.Forge == "" {
		t.Errorf("the error does not name the forge: %#v", e)
	}
}

func open(t *testing.T, c forge.Config) forge.Forge {
	t.Helper()
	f, err := forge.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func testStatus(t *testing.T, s Stage, f forge.Forge) {
	commit := s.Branch("a", map[string]string{"a": "a"})
	s.Pull("a", "main", "A")
	set := func(v forge.Verdict, context, text string) {
		t.Helper()
		if err := f.SetStatus(t.Context(), forge.Status{
			Commit: commit, Context: context, Verdict: v, Description: text, URL: "https://example.com/x", Branch: "a",
		}); err != nil {
			t.Fatal(err)
		}
	}
	long := strings.Repeat("very ", 100) + "long"
	set(forge.Pending, "tallyman/plan", "looking")
	set(forge.Pending, "tallyman/plan", "looking")
	set(forge.Failure, "tallyman/plan", "2 errors\nin web.yaml")
	set(forge.Failure, "tallyman/plan", "2 errors in web.yaml")
	for range 3 { // so that the one above is on another page
		set(forge.Pending, "else", "x")
		set(forge.Success, "else", "fine")
	}
	set(forge.Failure, "tallyman/plan", "2 errors in web.yaml")
	set(forge.Errored, "third", long)
	set(forge.Errored, "third", long)
	count := map[string]int{}
	newest := map[string]forge.Status{}
	for _, st := range s.Statuses(commit) {
		if count[st.Context]++; count[st.Context] == 1 {
			newest[st.Context] = st
		}
	}
	if count["third"] != 1 || count["tallyman/plan"] > 2 {
		t.Errorf("the same status was sent again: %v", count)
	}
	if st := newest["tallyman/plan"]; st.Verdict != forge.Failure || st.Description != "2 errors in web.yaml" || st.URL != "https://example.com/x" {
		t.Errorf("the status is %+v", st)
	}
	if st := newest["third"]; !strings.HasSuffix(st.Description, "…") || st.Verdict == forge.Success || st.Verdict == forge.Pending {
		t.Errorf("the long one is %+v", st)
	}
	if err := f.SetStatus(t.Context(), forge.Status{Commit: strings.Repeat("0", 40), Context: "x", Verdict: forge.Success}); err == nil {
		t.Error("a status of a commit that is not there is no error")
	}
}

func testAnnotate(t *testing.T, s Stage, f forge.Forge) {
	var lines strings.Builder
	for range 40 {
		lines.WriteString("line\n")
	}
	s.Branch("main", map[string]string{"long.yaml": lines.String()})
	commit := s.Branch("a", map[string]string{"new.yaml": "one\ntwo\nthree\n", "long.yaml": "first\n" + lines.String()})
	n := s.Pull("a", "main", "A")
	notes := []forge.Note{
		{Path: "new.yaml", Line: 2, Text: "unknown field `two`"},
		{Path: "long.yaml", Line: 3, Text: "beside the change"},
		{Path: "long.yaml", Line: 30, Text: "far from the change"},
		{Path: "absent.yaml", Line: 1, Text: "not of this pull request"},
	}
	for range 2 {
		annotate(t, f, n, commit, notes)
	}
	annotate(t, f, n, commit, append(notes, forge.Note{Path: "new.yaml", Line: 3, Text: "and this"}))
	got := map[string]int{}
	for _, c := range s.LineComments(n) {
		text, _, _ := strings.Cut(c.Body, "\n")
		got[c.Path+" "+text] += c.Line
	}
	want := map[string]int{"new.yaml unknown field `two`": 2, "long.yaml beside the change": 3, "new.yaml and this": 3}
	if len(got) != len(want) {
		t.Errorf("the remarks are %v, want %v", got, want)
	}
	for at, line := range want {
		if got[at] != line {
			t.Errorf("the remark %q is on line %d, want %d", at, got[at], line)
		}
	}
	s.Branch("a", map[string]string{"new.yaml": "other\n"})
	annotate(t, f, n, commit, []forge.Note{{Path: "new.yaml", Line: 1, Text: "of a commit that is not the head any more"}})
	if len(s.LineComments(n)) != len(want) {
		t.Errorf("remarks on a head of before: %v", s.LineComments(n))
	}
}

func annotate(t *testing.T, f forge.Forge, number int, commit string, notes []forge.Note) {
	t.Helper()
	err := f.Annotate(t.Context(), forge.Remarks{PullRequest: number, Commit: commit, Marker: "tallyman/plan", Notes: notes})
	if err != nil {
		t.Fatal(err)
	}
}

// testRemarksEnd: a line above mistakes moves them, and makes none of them new.
func testRemarksEnd(t *testing.T, s Stage, f forge.Forge) {
	const three = "one\ntwo\nthree\n"
	commit := s.Branch("a", map[string]string{"new.yaml": three})
	n := s.Pull("a", "main", "A")
	notes := func(first int, texts ...string) (out []forge.Note) {
		for i, text := range texts {
			out = append(out, forge.Note{Path: "new.yaml", Line: first + i, Text: text})
		}
		return out
	}
	expect := func(why string, want ...string) {
		t.Helper()
		var got []string
		for _, c := range s.LineComments(n) {
			text, _, _ := strings.Cut(c.Body, "\n")
			got = append(got, text)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s the remarks are %q, want %q", why, got, want)
		}
	}
	annotate(t, f, n, commit, notes(1, "bad", "bad", "worse"))
	other := forge.Remarks{PullRequest: n, Commit: commit, Marker: "second/plan", Notes: notes(3, "another installation's")}
	if err := f.Annotate(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	commit = s.Branch("a", map[string]string{"new.yaml": "# above\n" + three})
	annotate(t, f, n, commit, notes(2, "bad", "bad", "worse"))
	expect("after a line was put above", "another installation's", "bad", "bad", "worse")
	annotate(t, f, n, commit, notes(3, "bad", "worse"))
	expect("with one of two mended", "another installation's", "bad", "worse")
	annotate(t, f, n, commit, nil)
	expect("with all mended", "another installation's")
	annotate(t, f, n, commit, notes(2, "bad"))
	expect("with one made again", "another installation's", "bad")
}

func testOpen(t *testing.T, s Stage, f forge.Forge) {
	s.ForkPull("bump", "A stranger's branch of the same name")
	s.Branch("bump", map[string]string{"web.yaml": "image: web:2\n"})
	ask := forge.NewPullRequest{Head: "bump", Base: "main", Title: "Bump web to 2", Body: "web:1 -> web:2\n", Labels: []string{"images"}}
	first, err := f.OpenPullRequest(t.Context(), ask)
	if err != nil || first.Author != Us || first.Fork || first.Title != ask.Title {
		t.Fatalf("opened %+v, %v", first, err)
	}
	again, err := f.OpenPullRequest(t.Context(), ask)
	if err != nil || again.Number != first.Number {
		t.Fatalf("opened again: %+v, %v", again, err)
	}
	ask.Title, ask.Labels = "Bump web to 3", append(ask.Labels, "urgent")
	if _, err = f.OpenPullRequest(t.Context(), ask); err != nil {
		t.Fatal(err)
	}
	p := look(t, f, first.Number)
	if p.Title != ask.Title || !slices.Equal(p.Labels, []string{"images", "urgent"}) {
		t.Errorf("it became %+v", p)
	}
	if list, err := f.PullRequests(t.Context(), "main"); err != nil || len(list) != 2 {
		t.Errorf("open are %+v, %v", list, err)
	}
	if _, err := f.OpenPullRequest(t.Context(), forge.NewPullRequest{Head: "no-such-branch", Base: "main", Title: "x"}); err == nil {
		t.Error("one from a branch that is not there is no error")
	}
}

func testClose(t *testing.T, s Stage, f forge.Forge) {
	s.Branch("ours", map[string]string{"web.yaml": "image: web:2\n"})
	s.Branch("theirs", map[string]string{"db.yaml": "image: db:2\n"})
	ask := forge.NewPullRequest{Head: "ours", Base: "main", Title: "Bump web to 2", Body: "web:1 -> web:2", Labels: []string{"images"}}
	p, err := f.OpenPullRequest(t.Context(), ask)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if ours, err := f.Close(t.Context(), p.Number); !ours || err != nil {
			t.Errorf("closing ours: %t, %v", ours, err)
		}
		now := look(t, f, p.Number)
		if now.State != forge.StateClosed || now.Title != ask.Title || !slices.Equal(now.Labels, ask.Labels) || now.Head != p.Head {
			t.Errorf("ours is %+v", now)
		}
	}
	strange, _ := s.ForkPull("evil", "From afar")
	for _, number := range []int{s.Pull("theirs", "main", "A colleague's"), strange} {
		if ours, err := f.Close(t.Context(), number); ours || err != nil {
			t.Errorf("closing another one's: %t, %v", ours, err)
		}
		if now := look(t, f, number); now.State != forge.StateOpen {
			t.Errorf("another one's is %s", now.State)
		}
	}
	if _, err := f.Close(t.Context(), 4711); forge.ClassOf(err) != forge.NotFound {
		t.Errorf("closing one that is not there: %v", err)
	}
}
