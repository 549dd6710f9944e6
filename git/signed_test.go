package git

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	gogit "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/tallyman-io/tallyman/internal/signature"
)

// sshKey makes a key and is the file of its private part, and its line in a list.
func sshKey(t *testing.T, name, kind string) (file, line string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), name)
	if out, err := exec.Command("ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "", "-f", file).CombinedOutput(); err != nil {
		t.Fatalf("make a key: %v\n%s", err, out)
	}
	public, err := os.ReadFile(file + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	return file, name + "@example.com " + strings.TrimSpace(string(public))
}

// sign commits with Git's own signature by an SSH key.
func (s source) sign(key, subject string, args ...string) string {
	s.t.Helper()
	s.git(append([]string{"-c", "gpg.format=ssh", "-c", "user.signingKey=" + key, "commit", "-q", "-S", "--allow-empty", "-m", subject}, args...)...)
	return s.head()
}

// openSource follows the source and has fetched it.
func openSource(t *testing.T, s source) *Repository {
	t.Helper()
	r := follow(t, s.dir)
	mustFetch(t, r)
	return r
}

func signers(t *testing.T, list string) signature.Signers {
	t.Helper()
	s, err := signature.Parse(list)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestWhoSignedACommit that git itself signed, with each usual kind of key.
func TestWhoSignedACommit(t *testing.T) {
	for _, kind := range []string{"ed25519", "ecdsa", "rsa"} {
		s := newSource(t)
		key, line := sshKey(t, "ada", kind)
		_, other := sshKey(t, "bob", kind)
		id := s.sign(key, "First\n\nWith a body.\n")
		r := openSource(t, s)
		signed, err := r.Signed(id)
		if err != nil {
			t.Fatal(err)
		}
		if who, err := signers(t, other+"\n"+line).Verify(signed); err != nil || who != "ada@example.com" {
			t.Errorf("%s: signed by %q, %v", kind, who, err)
		}
		if _, err := signers(t, other).Verify(signed); err == nil || !strings.Contains(err.Error(), "not among the signers") {
			t.Errorf("%s: a stranger's signature: %v", kind, err)
		}
		signed.Payload = bytes.Replace(signed.Payload, []byte("First"), []byte("Worst"), 1)
		if _, err := signers(t, line).Verify(signed); err == nil || !strings.Contains(err.Error(), "does not fit") {
			t.Errorf("%s: another message under the signature: %v", kind, err)
		}
	}
}

// TestWhoSignedACommitWithOpenPGP, made as go-git makes one.
func TestWhoSignedACommitWithOpenPGP(t *testing.T) {
	s := newSourceWith(t, "a", "1")
	ada, err := openpgp.NewEntity("Ada", "", "ada@example.com", nil)
	if err != nil {
		t.Fatal(err)
	}
	repo, err := gogit.PlainOpen(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := repo.Worktree()
	if err != nil {
		t.Fatal(err)
	}
	who := &object.Signature{Name: "Ada", Email: "ada@example.com", When: time.Now()}
	id, err := tree.Commit("Signed", &gogit.CommitOptions{Author: who, SignKey: ada, AllowEmptyCommits: true})
	if err != nil {
		t.Fatal(err)
	}
	var list strings.Builder
	w, err := armor.Encode(&list, openpgp.PublicKeyType, nil)
	if err == nil {
		err = ada.Serialize(w)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	signed, err := openSource(t, s).Signed(id.String())
	if err != nil {
		t.Fatal(err)
	}
	if who, err := signers(t, list.String()).Verify(signed); err != nil || who != "Ada <ada@example.com>" {
		t.Errorf("signed by %q, %v", who, err)
	}
	_, other := sshKey(t, "bob", "ed25519")
	if who, err := signers(t, other).Verify(signed); err == nil {
		t.Errorf("an OpenPGP signature was taken for one of %s", who)
	}
}

// TestWhatCameSince tells the moves of a branch apart, with all that merges brought.
func TestWhatCameSince(t *testing.T) {
	s := newSource(t)
	first := s.commit("first", "a", "1")
	s.git("checkout", "-q", "-b", "side")
	s.commit("side 1", "b", "1")
	s.commit("side 2", "b", "2")
	s.git("checkout", "-q", "main")
	second := s.commit("second", "a", "2")
	s.git("merge", "-q", "--no-ff", "-m", "merge", "side")
	merge := s.head()
	last := s.commit("last", "a", "3")
	r := openSource(t, s)

	if got := told(t, r, first, last); got != "second; side 1, side 2, merge; last" {
		t.Errorf("since the first: %s", got)
	}
	if got := told(t, r, merge, last); got != "last" {
		t.Errorf("since the merge: %s", got)
	}
	side := s.git("rev-parse", "side")
	if got := told(t, r, side, last); got != "second, merge, last" {
		t.Errorf("since the other side, which is not on the line: %s", got)
	}
	if got := told(t, r, last, second); got != "" {
		t.Errorf("back to what was there before: %s", got)
	}
	steps, err := r.Since(context.Background(), first, last)
	if err != nil || steps[0].Base != first || steps[1].Base != second || steps[2].Base != merge {
		t.Errorf("the bases are %+v, %v", steps, err)
	}
}

// TestADateThatLiesHidesNoCommit: one dated before all others is new all the same.
func TestADateThatLiesHidesNoCommit(t *testing.T) {
	s := newSource(t)
	first := s.commit("first", "a", "1")
	second := s.commit("second", "a", "2")
	s.git("-c", "user.name=x", "commit", "-q", "--allow-empty", "-m", "old", "--date", "1980-01-01T00:00:00Z")
	cmd := exec.Command("git", "commit", "-q", "--allow-empty", "--amend", "-m", "old")
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "GIT_COMMITTER_DATE=1980-01-01T00:00:00Z", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	last := s.commit("last", "a", "3")
	r := openSource(t, s)
	if got := told(t, r, second, last); got != "old; last" {
		t.Errorf("since the second: %s", got)
	}
	if got := told(t, r, first, last); got != "second; old; last" {
		t.Errorf("since the first: %s", got)
	}
}

func told(t *testing.T, r *Repository, old, id string) string {
	t.Helper()
	steps, err := r.Since(context.Background(), old, id)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, s := range steps {
		var subjects []string
		for _, c := range s.Commits {
			subjects = append(subjects, c.Subject)
		}
		texts = append(texts, strings.Join(subjects, ", "))
	}
	return strings.Join(texts, "; ")
}

// TestOurCommitsAreSigned when there is a key, so that git itself agrees.
func TestOurCommitsAreSigned(t *testing.T) {
	s := newSourceWith(t, "a", "1")
	key, line := sshKey(t, "robot", "ed25519")
	r := follow(t, s.bare(), func(c *Config) { c.SigningKeyFile = key })
	c, err := r.Edit(context.Background(), EditOptions{Author: Signature{"Robot", "robot@example.com"}, Message: "Change a\n\nBecause."}, func(d *Draft) error {
		return d.WriteFile("a", []byte("2"))
	})
	if err != nil {
		t.Fatal(err)
	}
	signed, err := r.Signed(c.ID)
	if err != nil {
		t.Fatal(err)
	}
	if who, err := signers(t, line).Verify(signed); err != nil || who != "robot@example.com" {
		t.Errorf("signed by %q, %v", who, err)
	}
	list := filepath.Join(t.TempDir(), "allowed_signers")
	if err := os.WriteFile(list, []byte(line+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.git("fetch", "-q", s.dir+".git", "main")
	s.git("-c", "gpg.ssh.allowedSignersFile="+list, "verify-commit", c.ID)
}

// TestALockedSigningKeyIsTold before anything is pushed.
func TestALockedSigningKeyIsTold(t *testing.T) {
	s := newSourceWith(t, "a", "1")
	file := filepath.Join(t.TempDir(), "key")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "secret words", "-f", file).CombinedOutput(); err != nil {
		t.Fatalf("make a key: %v\n%s", err, out)
	}
	r := follow(t, s.bare(), func(c *Config) { c.SigningKeyFile = file })
	_, err := r.Edit(context.Background(), EditOptions{Author: Signature{"Robot", "robot@example.com"}, Message: "Change a"}, func(d *Draft) error {
		return d.WriteFile("a", []byte("2"))
	})
	wantError(t, err, "has a passphrase")
}
