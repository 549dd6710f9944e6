package reconcile

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"github.com/tallyman-io/tallyman/git"
	"github.com/tallyman-io/tallyman/internal/signature"
	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/report"
)

// person has a key, the same each time, and a line in lists of signers.
type person struct {
	name string
	key  ssh.Signer
}

func someone(t *testing.T, name string) person {
	t.Helper()
	key, err := ssh.NewSignerFromKey(ed25519.NewKeyFromSeed(bytes.Repeat([]byte(name[:1]), ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	return person{name, key}
}

func (p person) line() string {
	return p.name + " " + strings.TrimSpace(string(ssh.MarshalAuthorizedKey(p.key.PublicKey())))
}

// sign signs the commit that comes next.
func (b *branch) sign(t *testing.T, p person) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	id := commitOf(len(b.commits)).ID
	sig, err := sshsig.Sign(strings.NewReader(id), p.key, sshsig.HashSHA512, "git")
	if err != nil {
		t.Fatal(err)
	}
	if b.signed == nil {
		b.signed = map[string]string{}
	}
	b.signed[id] = string(sshsig.Armor(sig))
}

// demanding is app shop whose commits have to be signed by these people.
func demanding(image string, people ...person) fstest.MapFS {
	return edited(shop(image, image), "shop/app.yaml", "spec: {}", "spec: {verify: {signers: ["+quoted(people)+"]}}")
}

// TestAnAppFollowsSignedCommitsOnly: one that nobody signed is left out, what runs
// is healed, and no later commit makes up for it but one that vouches for all.
func TestAnAppFollowsSignedCommitsOnly(t *testing.T) {
	ada, eve := someone(t, "ada"), someone(t, "eve")
	simulate(t, 2, func(w *world) {
		w.branch.sign(t, ada)
		w.branch.commit(demanding("web:1", ada))
		w.converge()

		w.branch.sign(t, eve)
		w.branch.commit(demanding("web:2", ada))
		after(time.Minute)
		w.expectOn("web:1")
		a := w.app("shop")
		if a.Held == nil || a.Held.Kind != model.HeldUnverified || !strings.Contains(a.Reason, `"commit 1" by Test is signed by the key SHA256:`) {
			t.Errorf("it says %q", a.Reason)
		}
		s := w.running.Status()
		if got := report.OutcomeOf(&s); got != report.Incomplete {
			t.Errorf("the outcome is %s", got)
		}

		w.branch.sign(t, ada)
		w.branch.commit(demanding("web:3", ada))
		after(time.Minute)
		w.expectOn("web:1")

		w.stop()
		w.start()
		after(time.Minute)
		w.expectOn("web:1")

		w.branch.sign(t, ada)
		w.branch.commitWith("Go on\n\n"+model.TrailerSeal+": true", demanding("web:2", ada))
		w.converge()
		w.expectOn("web:2")
	})
}

// TestACommitThatNobodySignedLetsNobodyIn: it may name its own key, ask for no key
// any more, or take the app away.
func TestACommitThatNobodySignedLetsNobodyIn(t *testing.T) {
	ada, eve := someone(t, "ada"), someone(t, "eve")
	for name, tree := range map[string]fstest.MapFS{
		"names its own key": demanding("web:2", ada, eve),
		"asks for none":     shop("web:2", "web:2"),
		"takes it away":     {"blog/app.yaml": shop("", "")["blog/app.yaml"], "blog/blog.yaml": shop("", "web:2")["blog/blog.yaml"]},
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, 2, func(w *world) {
				w.branch.sign(t, ada)
				w.branch.commit(demanding("web:1", ada))
				w.converge()
				w.branch.sign(t, eve)
				w.branch.commit(tree)
				after(10 * time.Minute)
				w.expectOn("web:1")
				w.branch.sign(t, eve)
				w.branch.commit(tree)
				after(10 * time.Minute)
				w.expectOn("web:1")
			})
		})
	}
}

// TestASignedCommitLetsANewKeyIn, and the old one out.
func TestASignedCommitLetsANewKeyIn(t *testing.T) {
	ada, bob := someone(t, "ada"), someone(t, "bob")
	simulate(t, 2, func(w *world) {
		w.branch.sign(t, ada)
		w.branch.commit(demanding("web:1", ada))
		w.converge()
		w.branch.sign(t, ada)
		w.branch.commit(demanding("web:2", bob))
		w.converge()
		w.branch.sign(t, bob)
		w.branch.commit(demanding("web:3", bob))
		w.converge()
		w.expectOn("web:3")
		w.branch.sign(t, ada)
		w.branch.commit(demanding("web:4", bob))
		after(10 * time.Minute)
		w.expectOn("web:3")
	})
}

// TestTheFleetRefusesACommitAsAWhole, whatever it changes.
func TestTheFleetRefusesACommitAsAWhole(t *testing.T) {
	ada := someone(t, "ada")
	all := func(image string) fstest.MapFS {
		tree := shop(image, image)
		tree["fleet.yaml"] = &fstest.MapFile{Mode: 0o644, Data: []byte(
			"apiVersion: tallyman/v1\nkind: Fleet\nmetadata: {name: all}\nspec: {verify: {signers: [\"" + ada.line() + "\"]}}\n")}
		return tree
	}
	simulate(t, 2, func(w *world) {
		w.branch.sign(t, ada)
		w.branch.commit(all("web:1"))
		w.converge()
		w.branch.commit(shop("web:2", "web:2"))
		after(10 * time.Minute)
		w.expectOn("web:1")
		s := w.running.Status()
		if !strings.Contains(s.SourceError, "not verified: commit") || !strings.Contains(s.SourceError, "is not signed") {
			t.Errorf("it says %q", s.SourceError)
		}
	})
}

// TestABranchThatWasMovedBackIsNotFollowed: nobody signs for that. A person who names
// an old revision gets it.
func TestABranchThatWasMovedBackIsNotFollowed(t *testing.T) {
	ada := someone(t, "ada")
	b := &branch{}
	for _, image := range []string{"web:1", "web:2"} {
		b.sign(t, ada)
		b.commit(demanding(image, ada))
	}
	for _, named := range []bool{false, true} {
		got, err := Verify(t.Context(), b, manifest.NewLoader(manifest.Options{}), VerifyOptions{
			Commit: commitOf(0), Path: ".", Verified: map[string]string{"shop": commitOf(1).ID}, Named: named,
		})
		if err != nil {
			t.Fatal(err)
		}
		if why := got.Unverified["shop"]; (why == "") != named || !named && !strings.Contains(why, "moved back") {
			t.Errorf("named %v: %q", named, why)
		}
	}
}

// TestTheInstallationsSignersCountAsWell.
func TestTheInstallationsSignersCountAsWell(t *testing.T) {
	ada, ops := someone(t, "ada"), someone(t, "ops")
	own, err := signature.Parse(ops.line())
	if err != nil {
		t.Fatal(err)
	}
	b := &branch{}
	b.sign(t, ops)
	b.commit(demanding("web:1", ada))
	got, err := Verify(t.Context(), b, manifest.NewLoader(manifest.Options{}), VerifyOptions{Commit: commitOf(0), Path: ".", Own: own})
	if err != nil || len(got.Unverified) > 0 || got.Verified["shop"] != commitOf(0).ID {
		t.Errorf("got %+v, %v", got, err)
	}
}

// TestEveryCommitOfAMergeCounts: what comes in unsigned under a signed merge is not
// vouched for.
func TestEveryCommitOfAMergeCounts(t *testing.T) {
	ada := someone(t, "ada")
	tree := demanding("web:1", ada)
	h := steps{branch: &branch{}, moves: []git.Step{{Base: commitOf(0).ID, Commits: []git.Commit{commitOf(1), commitOf(2)}}}}
	h.sign(t, ada)
	h.commit(tree)
	h.commit(tree) // the side, unsigned
	h.sign(t, ada)
	h.commit(tree) // the merge
	got, err := Verify(t.Context(), h, manifest.NewLoader(manifest.Options{}), VerifyOptions{
		Commit: commitOf(2), Path: ".", Verified: map[string]string{"shop": commitOf(0).ID},
	})
	if err != nil || !strings.Contains(got.Unverified["shop"], `"commit 1"`) {
		t.Errorf("got %+v, %v", got, err)
	}
}

// steps is a history whose moves the test says.
type steps struct {
	*branch
	moves []git.Step
}

func (s steps) Since(context.Context, string, string) ([]git.Step, error) { return s.moves, nil }
