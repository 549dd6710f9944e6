package report

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extast "github.com/yuin/goldmark/extension/ast"
	gmtext "github.com/yuin/goldmark/text"

	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/plan"
	"github.com/tallyman-io/tallyman/reconcile/policy"
	"github.com/tallyman-io/tallyman/reconcile/proposal"
)

// proposed has something of all that a proposal can have. Name is what people are
// free to choose.
func proposed(name string) *proposal.Proposal {
	change := func(kind plan.Kind, slot, host string, v plan.Verdict) proposal.Effect {
		return proposal.Effect{Key: plan.Key{Kind: kind, App: "shop", Service: "web", Slot: slot, Name: "shop-front"}, Host: host, Verdict: v, Reasons: []string{"environment.LOG: info → " + name}}
	}
	held := change(plan.KindReplica, "9", "edge-2", plan.Blocked)
	held.Removal, held.HeldBy = true, plan.HeldByCount
	p := &proposal.Proposal{
		Base:       proposal.Commit{ID: strings.Repeat("b", 40), Name: "main", Subject: "What is there", Author: "Ada"},
		Head:       proposal.Commit{ID: strings.Repeat("a", 40), Name: name, Subject: name, Author: name},
		Errors:     []*manifest.Error{{File: name, Line: 1, Col: 1, Path: name, Message: name, Hint: name}},
		Violations: []policy.Violation{{Policy: "no-privileged", Rule: name, Message: name, Where: name + ":3"}},
		Warnings: []proposal.Warning{
			{Kind: proposal.WarnPlacement, App: "shop", Thing: "web-4", Text: "no host for web-4: " + name},
			{Kind: proposal.WarnHostChanged, Thing: "host edge-1", Text: "is dealt with otherwise", Where: "hosts.yaml:1",
				Fields: []proposal.Field{{Path: "metadata.labels." + name, From: name, To: "b"}, {Path: "spec.endpoint", From: "ssh://deploy@edge-1", To: "ssh://deploy@" + name}}},
		},
		Apps: []proposal.AppEffects{{Name: "shop", Counts: proposal.Counts{Create: 1, Replace: 2, Run: 1, Held: 1}, Effects: []proposal.Effect{
			change(plan.KindNetwork, "", "edge-1", plan.Create), change(plan.KindReplica, "1", "edge-1", plan.Replace), change(plan.KindReplica, "2", "edge-1", plan.Replace),
			held, change(plan.KindRun, "r1", "edge-2", plan.Run),
		}}},
		Drift:   proposal.Drift{Known: true, Counts: proposal.Counts{Update: 1}, Apps: []proposal.AppEffects{{Name: name, Effects: []proposal.Effect{{Key: replica("web", "3"), Host: "edge-1", Verdict: plan.Update}}}}},
		Unknown: []string{"edge-3", name},

		Unverified: name,
		Invalid:    &proposal.Invalid{Since: proposal.Commit{ID: strings.Repeat("c", 40), Subject: name, Author: name}, Error: name, Against: proposal.Commit{ID: strings.Repeat("d", 40), Subject: name, Author: name}},
	}
	p.Counts = p.Apps[0].Counts
	return p
}

func TestProposalMarkdown(t *testing.T) {
	nothing := &proposal.Proposal{Base: proposed("").Base, Head: proposal.Commit{ID: strings.Repeat("a", 40), Name: "docs", Subject: "Mend a word", Author: "Bob"}}
	settings := &proposal.Proposal{Base: nothing.Base, Head: nothing.Head, Drift: proposal.Drift{Known: true}, Warnings: []proposal.Warning{{Kind: proposal.WarnSettings, App: "shop", Thing: "app shop", Text: "has other settings",
		Fields: []proposal.Field{{Path: "spec.sync.maxRemovals", From: "10", To: "100"}}}}}
	wrong := proposal.Refused(nothing.Base, nothing.Head, manifest.Errors{
		{File: "shop/web.yaml", Line: 5, Col: 3, Path: "spec.replica", Message: "unknown field", Hint: `did you mean "replicas"?`}, {File: "all.yaml", Message: "is not a manifest"},
	})
	conflict := proposal.Refused(nothing.Base, nothing.Head, errors.New(`merge "a into b": both sides changed the same in "shop/web.yaml"`))
	good := proposed("topic")
	good.Errors = nil
	mending := &proposal.Proposal{Base: nothing.Base, Head: nothing.Head, Unverified: `not verified: commit aaaaaaaa "Mend a word" by Bob is not signed`, Invalid: &proposal.Invalid{
		Since: nothing.Base, Error: "shop/web.yaml:5:3: spec.replica: unknown field", Against: proposal.Commit{ID: strings.Repeat("c", 40), Subject: "What was there", Author: "Ada"}, InForce: true}}
	for name, p := range map[string]*proposal.Proposal{"proposal": good, "proposal_nothing": nothing, "proposal_settings": settings, "proposal_mending": mending, "proposal_wrong": &wrong, "proposal_conflict": &conflict} {
		golden(t, name, func(w io.Writer) error { _, err := io.WriteString(w, ProposalMarkdown(p, 0)); return err })
	}
}

// hostile are texts that mean something to some forge.
var hostile = []string{
	"</details><script>alert(1)</script>", "<!-- hidden", "`code` ``` more", "@ada @org/team", "#1 GH-1 org/repo#2 !3 ~label %milestone &4 $5", "a\n\n# heading\n\n/approve\n/merge",
	"| cell | cell |\n|---|---|", "[text](https://example.com) ![i](https://example.com/i.png)", "https://example.com www.example.com mailto:a@example.com <https://example.com>",
	"**bold** _em_ ~~gone~~ \\*", "$`x`$ $$y$$ :+1:", "&lt;b&gt; &#64;ada", "\u202egnp.exe\u2066 \u200b@ada", "\u2028/close\u2029#1", "> quote\n- list\n1. one", "[^1] [x] - [ ] task", "{+ins+} [-del-]", "",
	strings.Repeat("<", 5000), strings.Repeat("é|", 3000), "\x1b[31mred\x00",
}

// TestForeignTextsMeanNothing reads the text as a forge does: whatever a stranger
// calls things, it has the same parts.
func TestForeignTextsMeanNothing(t *testing.T) {
	want := partsOf(ProposalMarkdown(proposed("topic"), 0))
	for _, name := range hostile {
		got := ProposalMarkdown(proposed(name), 0)
		expected := want
		if name == "" {
			continue // then some parts are not there
		}
		if parts := partsOf(got); !slices.Equal(parts, expected) {
			t.Errorf("of %.40q it is\n%s\nwith %q\nand not %q", name, got, parts, expected)
		}
		for line := range strings.Lines(got) {
			if strings.HasPrefix(line, "/") {
				t.Errorf("of %.40q a line is a command: %q", name, line)
			}
		}
		if strings.ContainsFunc(got, func(r rune) bool {
			return unicode.Is(unicode.Cf, r) && r != '\u200b' || unicode.IsControl(r) && r != '\n'
		}) {
			t.Errorf("of %.40q characters are left that nobody sees", name)
		}
		for line := range strings.Lines(got) {
			if found := beckons.FindString(outsideCode(line)); found != "" {
				t.Errorf("of %.40q %q is left, which notifies somebody or becomes a link:\n%s", name, found, got)
			}
		}
	}
}

// TestRulesCanBeCopied: they stand there as they were written.
func TestRulesCanBeCopied(t *testing.T) {
	for _, rule := range []string{
		`containers.all(c, !c.privileged && c.image.startsWith("a@b/#1"))`, "name == '`'", "`a` == ``b``", `x || ~y && $z`, "https://example.com <b> &amp; \\*",
	} {
		p := proposed("topic")
		p.Violations = []policy.Violation{{Policy: "p", Rule: rule, Message: "no", Where: "plan"}}
		source := []byte(ProposalMarkdown(p, 0))
		found := false
		_ = ast.Walk(goldmark.New().Parser().Parse(gmtext.NewReader(source)), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
			if entering && n.Kind() == ast.KindCodeSpan {
				text := n.FirstChild().(*ast.Text)
				found = found || string(text.Segment.Value(source)) == rule
			}
			return ast.WalkContinue, nil
		})
		if !found {
			t.Errorf("%s can't be copied out of\n%s", rule, source)
		}
	}
}

// outsideCode leaves the spans of code out of a line: what is between two runs of as
// many backticks.
func outsideCode(line string) string {
	var b strings.Builder
	for {
		before, _, found := strings.Cut(line, "`")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		rest := strings.TrimLeft(line[len(before):], "`")
		fence := line[len(before) : len(line)-len(rest)]
		line = rest
		if end := regexp.MustCompile("(?:^|[^`])(" + fence + ")(?:[^`]|$)").FindStringSubmatchIndex(rest); end != nil {
			line = rest[end[3]:]
		}
	}
}

var (
	beckons = regexp.MustCompile(`@[A-Za-z0-9]|(^|[^&])#[0-9]|![0-9]|~[a-z]|%[a-z]|://|www\.[a-z]`)
)

// partsOf are the parts that a forge makes of a text, but for plain text.
func partsOf(source string) []string {
	md := goldmark.New(goldmark.WithExtensions(extension.GFM, extension.Footnote))
	var parts []string
	_ = ast.Walk(md.Parser().Parse(gmtext.NewReader([]byte(source))), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n.Kind() {
		case ast.KindText, ast.KindString, ast.KindTextBlock:
		case ast.KindRawHTML, ast.KindCodeSpan:
			// which of the two a name is in depends on the name
			if html := rawHTML(n, source); html != "<code>" && html != "</code>" {
				parts = append(parts, "name"+html)
			} else if html == "<code>" {
				parts = append(parts, "name")
			}
		case ast.KindHTMLBlock:
			parts = append(parts, "HTML "+tags.ReplaceAllString(htmlBlock(n, source), ""))
		case extast.KindTableCell:
			parts = append(parts, "cell")
		default:
			parts = append(parts, n.Kind().String())
		}
		return ast.WalkContinue, nil
	})
	return parts
}

// tags leaves only the tags of a block.
var tags = regexp.MustCompile(`(?s)(^|>)[^<]*`)

func rawHTML(n ast.Node, source string) string {
	raw, is := n.(*ast.RawHTML)
	if !is {
		return ""
	}
	return string(raw.Segments.Value([]byte(source)))
}

func htmlBlock(n ast.Node, source string) string { return string(n.Lines().Value([]byte(source))) }

// TestProposalFits shortens a long proposal, and looks whether it is whole.
func TestProposalFits(t *testing.T) {
	p := proposed("topic")
	for app := range 40 {
		a := proposal.AppEffects{Name: fmt.Sprintf("app-%d", app)}
		for i := range 60 {
			a.Effects = append(a.Effects, proposal.Effect{Key: plan.Key{Kind: plan.KindReplica, App: a.Name, Service: "web", Slot: fmt.Sprint(i)}, Host: fmt.Sprintf("edge-%d", i), Verdict: plan.Replace, Reasons: []string{"image 1 → 2"}})
		}
		p.Apps = append(p.Apps, a)
		p.Warnings = append(p.Warnings, proposal.Warning{Kind: proposal.WarnPrivileged, App: a.Name, Thing: "web", Text: "is privileged: it may do anything on its host"})
	}
	whole := len(ProposalMarkdown(p, 0))
	for limit := 8000; limit < whole+2000; limit += 977 {
		got := ProposalMarkdown(p, limit)
		cut := strings.Contains(got, "left out; all of it shows `tallyman plan --base bbbbbbbb --head aaaaaaaa`")
		if len(got) > limit || cut != (limit < whole) && limit > whole+600 || strings.Count(got, "<details>") != strings.Count(got, "</details>") || !strings.HasSuffix(got, "merged into `"+strings.Repeat("b", 40)+"`.\n") {
			t.Fatalf("limit %d: %d bytes, cut: %v\n%s", limit, len(got), cut, got[len(got)-400:])
		}
		if limit < whole-20_000 && len(got) < limit-3000 {
			t.Errorf("limit %d: only %d bytes are used", limit, len(got))
		}
	}
	p = proposed(strings.Repeat("<", 5000))
	if got := ProposalMarkdown(p, 8000); len(got) > 8000 {
		t.Errorf("the head alone has %d bytes", len(got))
	}
}
