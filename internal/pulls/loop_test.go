package pulls

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/internal/forge"
	"github.com/tallyman-io/tallyman/internal/forge/forgetest"
	"github.com/tallyman-io/tallyman/internal/state"
	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/policy"
	"github.com/tallyman-io/tallyman/reconcile/proposal"
)

const marker = "tallyman/plan"

// desk is a loop over the pull requests of a stage, with what is found out of each.
type desk struct {
	*Loop
	t       *testing.T
	stage   forgetest.Stage
	base    string
	says    func(pr forge.PullRequest) (proposal.Proposal, error)
	asked   int
	seen    []forge.PullRequest // those that may be run
	preview string
	over    bool
	journal *state.Store
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	journal, err := state.Open(t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { journal.Close() })
	d := &desk{t: t, stage: forgetest.GitHub(t), base: "base", journal: journal}
	f, err := forge.Open(d.stage.Config())
	if err != nil {
		t.Fatal(err)
	}
	d.says = func(pr forge.PullRequest) (proposal.Proposal, error) { return creates(pr.Head, 3), nil }
	d.Loop = &Loop{
		Forge: f, Base: func() string { return d.base }, Keep: func(context.Context, []string) error { return nil },
		Previews: func(_ context.Context, open []forge.PullRequest) error { d.seen = open; return nil },
		PreviewTexts: func() map[int]string {
			if d.over {
				return nil
			}
			return map[int]string{1: d.preview}
		},
		Journal: d.journal,
		Branch:  "main", Path: "fleet", Context: marker, ForkLabel: "ok-to-plan", Log: slog.New(slog.DiscardHandler),
		Propose: func(_ context.Context, pr forge.PullRequest) (proposal.Proposal, error) { d.asked++; return d.says(pr) },
	}
	return d
}

// creates is a proposal that makes n replicas.
func creates(head string, n int) proposal.Proposal {
	return proposal.Proposal{
		Base: proposal.Commit{ID: "base"}, Head: proposal.Commit{ID: head}, Counts: proposal.Counts{Create: n},
		Apps: []proposal.AppEffects{{Name: "shop", Counts: proposal.Counts{Create: n}}},
	}
}

func (d *desk) look() error {
	d.t.Helper()
	return d.Look(d.t.Context())
}

// later lets the time until something is tried again go by.
func (d *desk) later() {
	for number, f := range d.failed {
		f.next = time.Time{}
		d.failed[number] = f
	}
}

// refused is the answer to a pull request that can't be merged.
func refused(pr forge.PullRequest, why error) proposal.Proposal {
	return proposal.Refused(proposal.Commit{ID: "base"}, proposal.Commit{ID: pr.Head}, why)
}

// pull opens a pull request, and gives its number and its head.
func (d *desk) pull(branch string) (int, string) {
	d.t.Helper()
	head := d.stage.Branch(branch, map[string]string{"fleet/web.yaml": "a\nb\nc\n"})
	return d.stage.Pull(branch, "main", "Change "+branch), head
}

// comment is ours on a pull request; there must be one at most.
func (d *desk) comment(number int) string {
	d.t.Helper()
	var ours []string
	for _, c := range d.stage.Comments(number) {
		if c.Author == forgetest.Us {
			ours = append(ours, c.Body)
		}
	}
	if len(ours) > 1 {
		d.t.Errorf("%d comments of ours on pull request %d", len(ours), number)
	}
	return strings.Join(ours, "")
}

// status is the newest of a commit, as "verdict: text".
func (d *desk) status(commit string) string {
	for _, s := range d.stage.Statuses(commit) {
		if s.Context == marker {
			return fmt.Sprintf("%s: %s", s.Verdict, s.Description)
		}
	}
	return ""
}

func expect(t *testing.T, what, got, want string) {
	t.Helper()
	if !strings.Contains(got, want) || want == "" && got != "" {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

// TestAPullRequestIsAnswered once, again when it is pushed to, and again when the
// branch that it goes into has moved.
func TestAPullRequestIsAnswered(t *testing.T) {
	d := newDesk(t)
	number, head := d.pull("feature")
	for range 3 {
		if err := d.look(); err != nil {
			t.Fatal(err)
		}
	}
	expect(t, "comment", d.comment(number), "### Tallyman: `+3`")
	expect(t, "status", d.status(head), "success: +3")
	if d.asked != 1 {
		t.Errorf("it was planned %d times", d.asked)
	}
	d.says = func(pr forge.PullRequest) (proposal.Proposal, error) { return creates(pr.Head, 5), nil }
	pushed := d.stage.Branch("feature", map[string]string{"fleet/web.yaml": "other\n"})
	if err := d.look(); err != nil {
		t.Fatal(err)
	}
	expect(t, "comment after a push", d.comment(number), "`+5`")
	expect(t, "status after a push", d.status(pushed), "success: +5")
	d.base, d.says = "another", func(pr forge.PullRequest) (proposal.Proposal, error) { return creates(pr.Head, 7), nil }
	if err := d.look(); err != nil {
		t.Fatal(err)
	}
	expect(t, "comment on another base", d.comment(number), "`+7`")
}

// TestWhatIsWrongTurnsTheStatusRed and says in the comment what to mend.
func TestWhatIsWrongTurnsTheStatusRed(t *testing.T) {
	invalid := manifest.Errors{{File: "web.yaml", Line: 2, Col: 1, Path: "spec.replica", Message: "unknown field <b>@all</b>", Hint: "did you mean replicas?"}}
	for name, c := range map[string]struct {
		says          func(pr forge.PullRequest) (proposal.Proposal, error)
		comment, text string
	}{
		"a mistake": {
			func(pr forge.PullRequest) (proposal.Proposal, error) { return refused(pr, invalid), nil },
			"`web.yaml:2:1` spec.replica: unknown field &#60;b&#62;", "failure: 1 mistake in the manifests: web.yaml:2:1",
		},
		"a conflict": {
			func(pr forge.PullRequest) (proposal.Proposal, error) {
				return refused(pr, errors.New("both sides changed the same in web.yaml; rebase")), nil
			},
			"both sides changed the same in web.yaml; rebase", "failure: both sides changed the same in web.yaml",
		},
		"a policy": {
			func(pr forge.PullRequest) (proposal.Proposal, error) {
				p := creates(pr.Head, 1)
				p.Violations = []policy.Violation{{Policy: "calm", Message: "nothing privileged"}}
				return p, nil
			},
			"This breaks policies", "failure: breaks policy calm: nothing privileged",
		},
		"commits that nobody signed": {
			func(pr forge.PullRequest) (proposal.Proposal, error) {
				p := creates(pr.Head, 1)
				p.Unverified = `not verified: commit 12ab "Go on" by Eve is not signed`
				return p, nil
			},
			`This would be refused:
> - not verified: commit 12ab "Go on" by Eve is not signed`, `failure: not verified: commit 12ab "Go on" by Eve is not signed`,
		},
		"a branch that is not mended": {
			func(pr forge.PullRequest) (proposal.Proposal, error) {
				p := refused(pr, invalid)
				p.Invalid = broken()
				return p, nil
			},
			"not valid since `12ab34cd`: web.yaml:2:1: wrong", "failure: base is not valid since 12ab34cd, and not with this: 1 mistake",
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			number, head := d.pull("feature")
			d.says = c.says
			for range 2 {
				if err := d.look(); err != nil {
					t.Fatal(err)
				}
			}
			expect(t, "comment", d.comment(number), c.comment)
			expect(t, "status", d.status(head), c.text)
			if d.asked != 1 {
				t.Errorf("it was planned %d times", d.asked)
			}
			if name == "a mistake" {
				lines := d.stage.LineComments(number)
				if len(lines) != 1 || lines[0].Path != "fleet/web.yaml" || lines[0].Line != 2 || strings.Contains(lines[0].Body, "<b>") {
					t.Errorf("remarks on lines: %+v", lines)
				}
			}
		})
	}
}

// TestRemarksEndWithTheirMistakes, and not because nobody can tell whether these are
// still there.
func TestRemarksEndWithTheirMistakes(t *testing.T) {
	d := newDesk(t)
	number, _ := d.pull("feature")
	mistaken := manifest.Errors{&manifest.Error{File: "web.yaml", Line: 2, Message: "unknown field"}}
	for i, c := range []struct {
		says func(pr forge.PullRequest) proposal.Proposal
		want int
	}{
		{func(pr forge.PullRequest) proposal.Proposal { return refused(pr, mistaken) }, 1},
		{func(pr forge.PullRequest) proposal.Proposal { return refused(pr, errors.New("conflict")) }, 1},
		{func(pr forge.PullRequest) proposal.Proposal { return creates(pr.Head, 1) }, 0},
	} {
		d.says = func(pr forge.PullRequest) (proposal.Proposal, error) { return c.says(pr), nil }
		d.stage.Branch("feature", map[string]string{"fleet/web.yaml": strings.Repeat("# above\n", i) + "a\nb\nc\n"})
		if err := d.look(); err != nil {
			t.Fatal(err)
		}
		if lines := d.stage.LineComments(number); len(lines) != c.want {
			t.Errorf("push %d: the remarks are %+v, want %d", i+1, lines, c.want)
		}
	}
}

// TestAForkWaitsForAMaintainer: nothing of it is read before.
func TestAForkWaitsForAMaintainer(t *testing.T) {
	d := newDesk(t)
	number, head := d.stage.ForkPull("strange", "</details>@everybody")
	if err := d.look(); err != nil {
		t.Fatal(err)
	}
	expect(t, "status", d.status(head), `pending: from a fork: planned once a maintainer sets the label "ok-to-plan"`)
	if d.asked > 0 || d.comment(number) != "" {
		t.Errorf("a stranger's pull request was read %d times, and answered %q", d.asked, d.comment(number))
	}
	d.stage.Label(number, "ok-to-plan")
	if err := d.look(); err != nil {
		t.Fatal(err)
	}
	expect(t, "status after the label", d.status(head), "success")
}

// TestWhatFailsByItselfIsTriedAgain, and keeps no other pull request waiting.
func TestWhatFailsByItselfIsTriedAgain(t *testing.T) {
	d := newDesk(t)
	_, first := d.pull("first")
	_, second := d.pull("second")
	good := d.says
	d.says = func(pr forge.PullRequest) (proposal.Proposal, error) {
		if pr.Head == first {
			return proposal.Proposal{}, errors.New("look at hosts: no route")
		}
		return good(pr)
	}
	if err := d.look(); err == nil {
		t.Error("nobody was told")
	}
	expect(t, "status of the one", d.status(first), "error: could not be planned, which is tried again: look at hosts: no route")
	expect(t, "status of the other", d.status(second), "success")
	asked := d.asked
	if err := d.look(); err != nil || d.asked != asked {
		t.Errorf("it was tried again at once: %v", err)
	}
	d.later()
	d.says = good
	if err := d.look(); err != nil {
		t.Fatal(err)
	}
	expect(t, "status of the one, later", d.status(first), "success")
}

// TestAForgeThatFailsChangesNothing: no answer is no empty list.
func TestAForgeThatFailsChangesNothing(t *testing.T) {
	d := newDesk(t)
	d.pull("feature")
	if err := d.look(); err != nil {
		t.Fatal(err)
	}
	down := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "[]", http.StatusBadRequest) }))
	defer down.Close()
	config := d.stage.Config()
	config.URL = down.URL
	broken, err := forge.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	up := d.Forge
	d.Forge = broken
	if err := d.look(); err == nil {
		t.Error("nobody was told")
	}
	d.Forge = up
	if err := d.look(); err != nil {
		t.Fatal(err)
	}
	if d.asked != 1 {
		t.Errorf("it was planned %d times, and nothing had changed", d.asked)
	}
}

// TestARefusedRemarkKeepsNobodyFromTheVerdict: a line that the forge does not take is
// no reason for a status that stays pending.
func TestARefusedRemarkKeepsNobodyFromTheVerdict(t *testing.T) {
	d := newDesk(t)
	number, head := d.pull("feature")
	d.Forge = noRemarks{d.Forge}
	d.says = func(pr forge.PullRequest) (proposal.Proposal, error) {
		return refused(pr, manifest.Errors{{File: "web.yaml", Line: 2, Message: "wrong"}}), nil
	}
	if err := d.look(); err == nil {
		t.Error("nobody was told of the remark")
	}
	expect(t, "comment", d.comment(number), "wrong")
	expect(t, "status", d.status(head), "failure: 1 mistake")
}

// noRemarks is a forge that takes no remarks on lines.
type noRemarks struct{ forge.Forge }

func (noRemarks) Annotate(context.Context, forge.Remarks) error {
	return errors.New("422 Unprocessable Entity")
}

// TestNewHeadsComeFirst: when the branch has moved, whoever waits for a first answer
// does not wait for all those who have one.
func TestNewHeadsComeFirst(t *testing.T) {
	d := newDesk(t)
	d.pull("first")
	d.pull("second")
	if err := d.look(); err != nil {
		t.Fatal(err)
	}
	third, _ := d.pull("third")
	d.base = "another"
	var order []int
	good := d.says
	d.says = func(pr forge.PullRequest) (proposal.Proposal, error) {
		order = append(order, pr.Number)
		return good(pr)
	}
	if err := d.look(); err != nil {
		t.Fatal(err)
	}
	if len(order) != 3 || order[0] != third {
		t.Errorf("answered in the order %v, want %d first", order, third)
	}
}
