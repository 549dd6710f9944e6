package secret

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/tallyman-io/tallyman/manifest"
)

// tree is a secret of each form.
func tree(t testing.TB) map[string]string {
	t.Helper()
	return map[string]string{
		"db.yaml":             secretDoc("db", "sops: secrets/db.enc.yaml"),
		"secrets/db.enc.yaml": string(testdata(t, "all.enc.yaml")),
		"tls.yaml": secretDoc("tls", "ageFiles: {crt: tls.crt.age, key: tls.key.age}\n  age:\n    note: "+
			block(seal(t, "c4nary note", true))),
		"tls.crt.age": string(seal(t, "c4nary certificate\n", true)),
		"tls.key.age": string(seal(t, "c4nary \x00\xff", false)),
	}
}

func oneKey(t testing.TB) string { return keys(t, "one")[0].secret }

func TestOpenGivesTheValuesOfEveryForm(t *testing.T) {
	got, err := NewOpener(variables(map[string]string{"KEY": oneKey(t)})).Open(set(t, tree(t)), "me")
	if err != nil {
		t.Fatal(err)
	}
	wantValues(t, got.Values["db"], values())
	wantValues(t, got.Values["tls"], map[string]string{"note": "c4nary note", "crt": "c4nary certificate\n", "key": "c4nary \x00\xff"})
}

func TestWhatCanNotBeOpenedIsNamedAllAtOnce(t *testing.T) {
	files := tree(t)
	files["other.yaml"] = secretDoc("other", "sops: other.enc.yaml")
	files["other.enc.yaml"] = string(testdata(t, "other.enc.yaml"))
	stranger, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	files["tls.crt.age"] = string(seal(t, canary, false, stranger.Recipient()))
	files["tls.key.age"] = strings.Replace(files["tls.key.age"], "X25519", "X25518", 1)
	got, err := NewOpener(variables(map[string]string{"KEY": oneKey(t)})).Open(set(t, files), "me")
	saysNothing(t, err)
	var errs manifest.Errors
	if !errors.As(err, &errs) || got.Values != nil {
		t.Fatalf("%T, values %v", err, got.Values != nil)
	}
	for _, want := range []string{
		`other.yaml:5:9: spec.sops: decrypt secret "other", file "other.enc.yaml": no key that is given opens it; it needs that of ` + keys(t, "two")[0].recipient,
		`tls.yaml:5:19: spec.ageFiles.crt: decrypt secret "tls", file "tls.crt.age": no key that is given opens it; given is that of ` + keys(t, "one")[0].recipient,
		`tls.yaml:5:37: spec.ageFiles.key: decrypt secret "tls", file "tls.key.age": `,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("missing %q in\n%v", want, err)
		}
	}
	if len(errs) != 3 {
		t.Errorf("%d errors, want 3:\n%v", len(errs), err)
	}
}

func TestAPassphraseIsNoKey(t *testing.T) {
	to, err := age.NewScryptRecipient("passphrase")
	if err != nil {
		t.Fatal(err)
	}
	to.SetWorkFactor(2)
	_, err = decryptAge(seal(t, canary, true, to), keys(t, "one"))
	saysNothing(t, err)
	if !strings.Contains(err.Error(), "age recipient") {
		t.Errorf("%v does not say what to do", err)
	}
}

// Digests have to be the same wherever the key is, or a plan made elsewhere
// would replace every container.
func TestTheKeyForDigestsComesFromTheFirstKey(t *testing.T) {
	digest := func(owner string, text ...string) string {
		s, err := NewOpener(variables(map[string]string{"KEY": strings.Join(text, "\n")})).Open(set(t, tree(t)), owner)
		if err != nil {
			t.Fatal(err)
		}
		return s.Key.Digest([]byte("x"))
	}
	one, two := oneKey(t), keys(t, "two")[0].secret
	if digest("me", one) != digest("me", "# a comment", one, two) {
		t.Error("a key that is added below the first changes the digests")
	}
	if digest("me", one) == digest("me", two, one) || digest("me", one) == digest("you", one) {
		t.Error("another first key, or another owner, makes the same digests")
	}
}

func TestWithoutSecretsNoKeyIsRead(t *testing.T) {
	opener := NewOpener(Keys{Paths: []string{"/nonexistent"}})
	if _, err := opener.Open(&manifest.Set{}, "me"); err != nil {
		t.Error(err)
	}
	if _, err := opener.Open(set(t, tree(t)), "me"); err == nil || !strings.Contains(err.Error(), "read age key file") {
		t.Errorf("a key file that is named and missing: %v", err)
	}
}

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func TestKeysAreReadFromAllPlacesInOrder(t *testing.T) {
	dir := t.TempDir()
	one, two := oneKey(t), keys(t, "two")[0].secret
	third, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "b.key"), "# created: today\r\n"+third.String()+"\r\n", 0o600)
	write(t, filepath.Join(dir, "a.key"), one, 0o400)
	write(t, filepath.Join(dir, ".a.key.swp"), "not a key", 0o644)
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	k := variables(map[string]string{"KEY": two})
	k.Paths = []string{"", dir}
	ids, err := k.read()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, id := range ids {
		got = append(got, id.secret)
	}
	if want := fmt.Sprint([]string{two, one, third.String()}); fmt.Sprint(got) != want {
		t.Errorf("%d keys, in another order than they stand", len(got))
	}
}

func TestAKeyThatIsExchangedIsUsedTheNextTime(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys")
	opener, s := NewOpener(Keys{Paths: []string{file}}), set(t, tree(t))
	write(t, file, keys(t, "two")[0].secret, 0o600)
	if _, err := opener.Open(s, "me"); err == nil {
		t.Fatal("the wrong key opens it")
	}
	write(t, file, oneKey(t), 0o600)
	if _, err := opener.Open(s, "me"); err != nil {
		t.Error(err)
	}
}

func TestKeyFilesThatCanNotBeUsed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys")
	for name, tc := range map[string]struct {
		text string
		mode os.FileMode
		want string
	}{
		"readable by others":  {oneKey(t), 0o604, "chmod 600"},
		"readable by a group": {oneKey(t), 0o640, "chmod 600"},
		"no key":              {"# c4nary\n" + canary, 0o600, "line 2 is no age key"},
		"a key cut short":     {oneKey(t)[:40], 0o600, "line 1 is no age key"},
	} {
		write(t, file, tc.text, tc.mode)
		_, err := Keys{Paths: []string{file}}.read()
		saysNothing(t, err)
		if !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v, want %q and the file's name", name, err, tc.want)
		}
	}
	_, err := variables(map[string]string{"KEY": canary}).read()
	saysNothing(t, err)
	if !strings.Contains(err.Error(), `"KEY"`) {
		t.Errorf("%v does not name the variable", err)
	}
}
