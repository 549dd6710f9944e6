package reconcile

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/tallyman-io/tallyman/internal/signature"
	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/proposal"
)

// wary is a repository all of whose commits have to be signed by these people.
func wary(image string, people ...person) fstest.MapFS {
	tree := shop(image, image)
	tree["fleet.yaml"] = &fstest.MapFile{Data: []byte("apiVersion: tallyman/v1\nkind: Fleet\nmetadata: {name: fleet}\nspec: {verify: {signers: [" + quoted(people) + "]}}\n")}
	return tree
}

func quoted(people []person) string {
	var lines []string
	for _, p := range people {
		lines = append(lines, fmt.Sprintf("%q", p.line()))
	}
	return strings.Join(lines, ", ")
}

// proposedCommit is one of a head; by nobody is not signed.
type proposedCommit struct {
	tree    fstest.MapFS
	by      *person
	message string
}

// vouched is what is said of commits that are proposed to a base.
func vouched(t *testing.T, base fstest.MapFS, apart bool, head ...proposedCommit) proposal.Proposal {
	t.Helper()
	b := &branch{}
	b.commit(base)
	for _, c := range head {
		if c.by != nil {
			b.sign(t, *c.by)
		}
		b.commitWith(c.message, c.tree)
	}
	loader := manifest.NewLoader(manifest.Options{})
	ground, err := ReadGround(context.Background(), base, loader, BuildOptions{Commit: commitOf(0), Owner: owner})
	if err != nil {
		t.Fatal(err)
	}
	commit, _ := b.Fetch(context.Background())
	merged, err := ground.Beside(context.Background(), head[len(head)-1].tree, loader, BuildOptions{Commit: commit, Owner: owner})
	if err != nil {
		t.Fatal(err)
	}
	v := Vouching{VerifyOptions: VerifyOptions{Commit: commit}, History: b, Loader: loader, Ground: ground, Merged: merged, Base: commitOf(0).ID, Fork: commitOf(0).ID}
	if apart {
		v.Fork = "older"
	}
	signatures, err := v.Signatures(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	view := View{Live: &model.Live{}, Now: time.Unix(1_800_000_000, 0), Known: func(string) bool { return false }}
	return Propose(view, Proposed{Base: ground, Merged: merged, Signatures: signatures})
}

// TestWhoHasToSignAProposal: what nobody will follow once it is merged is not called
// good, and who merges hears what that takes.
func TestWhoHasToSignAProposal(t *testing.T) {
	ada, eve := someone(t, "ada"), someone(t, "eve")
	seal := "Looked it over\n\n" + model.TrailerSeal + ": true"
	const merge = "the merge: has to be signed by a signer of "
	for name, c := range map[string]struct {
		base       fstest.MapFS
		apart      bool // the base has gone on
		head       []proposedCommit
		unverified string
		told       string
	}{
		"nobody asks":                {shop("web:1", "web:1"), false, []proposedCommit{{tree: shop("web:2", "web:1")}}, "", ""},
		"signed":                     {wary("web:1", ada), false, []proposedCommit{{wary("web:2", ada), &ada, ""}}, "", merge + "the whole repository too"},
		"not signed":                 {wary("web:1", ada), false, []proposedCommit{{wary("web:2", ada), nil, ""}}, `not verified: commit 00000001 "commit 1" by Test is not signed; sign each commit`, ""},
		"one of two not signed":      {wary("web:1", ada), true, []proposedCommit{{wary("web:2", ada), nil, ""}, {wary("web:3", ada), &ada, ""}}, `"commit 1" by Test is not signed`, ""},
		"by somebody else":           {wary("web:1", ada), false, []proposedCommit{{wary("web:2", ada), &eve, ""}}, `which is not among the signers`, ""},
		"lets itself in":             {wary("web:1", ada), false, []proposedCommit{{wary("web:2", ada, eve), &eve, ""}}, `which is not among the signers`, ""},
		"asks for none any more":     {wary("web:1", ada), false, []proposedCommit{{shop("web:2", "web:1"), nil, ""}}, `is not signed`, ""},
		"asks anew":                  {shop("web:1", "web:1"), false, []proposedCommit{{wary("web:2", ada), nil, ""}}, "", merge + "the whole repository too"},
		"a seal on top":              {wary("web:1", ada), false, []proposedCommit{{wary("web:2", ada), nil, ""}, {wary("web:2", ada), &ada, seal}}, "", "the merge: is followed by the whole repository only if it moves the branch to the head itself"},
		"a seal that a merge buries": {wary("web:1", ada), true, []proposedCommit{{wary("web:2", ada), nil, ""}, {wary("web:2", ada), &ada, seal}}, `"commit 1" by Test is not signed`, ""},
		"a key, then its commit":     {wary("web:1", ada), false, []proposedCommit{{wary("web:1", ada, eve), &ada, ""}, {wary("web:2", ada, eve), &eve, ""}}, "", "only if it moves the branch to the head itself"},
		"an app's, not signed":       {demanding("web:1", ada), false, []proposedCommit{{demanding("web:2", ada), nil, ""}}, "", `app shop: will be held once this is merged, until a signer puts a commit on top that says Tallyman-Seal: true: commit 00000001 "commit 1" by Test is not signed`},
		"an app's, signed":           {demanding("web:1", ada), false, []proposedCommit{{demanding("web:2", ada), &ada, ""}}, "", merge + "app shop too"},
	} {
		t.Run(name, func(t *testing.T) {
			p := vouched(t, c.base, c.apart, c.head...)
			var told []string
			for _, w := range p.Warnings {
				if w.Kind == proposal.WarnSignature {
					told = append(told, w.Thing+": "+w.Text)
				}
			}
			got := strings.Join(told, "\n")
			if !strings.Contains(p.Unverified, c.unverified) || c.unverified == "" && p.Unverified != "" || p.Refused() != (c.unverified != "") {
				t.Errorf("refused for %q, want %q", p.Unverified, c.unverified)
			}
			if !strings.Contains(got, c.told) || c.told == "" && got != "" {
				t.Errorf("told of %q, want %q", got, c.told)
			}
		})
	}
}

// TestAnInstallationsSignersCountForProposals, and an app that is behind is told of by
// what came since it was followed.
func TestAnInstallationsSignersCountForProposals(t *testing.T) {
	ada := someone(t, "ada")
	own, err := signature.Parse(ada.line())
	if err != nil {
		t.Fatal(err)
	}
	b := &branch{}
	b.commit(demanding("web:1"))
	b.commit(demanding("web:2")) // not signed: the app is at the one before
	b.sign(t, ada)
	b.commit(demanding("web:3"))
	loader := manifest.NewLoader(manifest.Options{})
	ground, err := ReadGround(context.Background(), demanding("web:2"), loader, BuildOptions{Commit: commitOf(1), Owner: owner})
	if err != nil {
		t.Fatal(err)
	}
	v := Vouching{VerifyOptions: VerifyOptions{Commit: commitOf(2), Own: own}, History: b, Loader: loader, Ground: ground, Merged: ground, Base: commitOf(1).ID}
	for verified, want := range map[string]string{"": "", commitOf(0).ID: `commit 00000001 "commit 1" by Test is not signed`} {
		v.Verified = map[string]string{"shop": verified}
		got, err := v.Signatures(context.Background())
		if err != nil || len(got) != 1 || got[0].Unsigned != want {
			t.Errorf("last verified %q: %+v, %v", verified, got, err)
		}
	}
}
