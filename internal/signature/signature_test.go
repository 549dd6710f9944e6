package signature

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // to be refused
	"strings"
	"testing"
	"time"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
)

func newKey(t *testing.T) ssh.Signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

func public(k ssh.Signer) string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(k.PublicKey())))
}

// TestBoundsOfAKey hold what it signs to the time and the use that a list allows.
func TestBoundsOfAKey(t *testing.T) {
	key := newKey(t)
	text, err := Key{key}.Sign([]byte("cargo"))
	if err != nil {
		t.Fatal(err)
	}
	what := Signed{Payload: []byte("cargo"), Signature: text, Time: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)}
	for list, want := range map[string]string{
		"ada " + public(key): "",
		"ada,bob@example.com namespaces=\"git\" " + public(key):                 "",
		"ada namespaces=\"file,git\" " + public(key):                            "",
		"ada namespaces=\"file\" " + public(key):                                "not among the signers",
		"ada valid-after=\"20260501\" " + public(key):                           "",
		"ada valid-after=\"20260502\" " + public(key):                           "not valid then",
		"ada valid-before=\"20260501\" " + public(key):                          "not valid then",
		"ada valid-before=\"20260501120001Z\" " + public(key):                   "",
		"ada valid-before=\"20260501\" " + public(key) + "\nada " + public(key): "",
		"# nobody":                        "not among the signers",
		"eve " + public(newKey(t)):        "not among the signers",
		"\r\nada " + public(key) + "\r\n": "",
	} {
		s, err := Parse(list)
		if err != nil {
			t.Errorf("%s: %v", list, err)
			continue
		}
		_, err = s.Verify(what)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", list, err, want)
		}
	}
}

// TestListsThatAreNone are refused with the line.
func TestListsThatAreNone(t *testing.T) {
	key := public(newKey(t))
	for list, want := range map[string]string{
		"ada":                                 "line 1: is not `NAME TYPE KEY`",
		"\n" + key:                            "line 2: the key has no name",
		"ada ssh-ed25519 AAAA":                "the key of \"ada\" can't be read",
		"ada cert-authority " + key:           `the option "cert-authority" of "ada" is not supported`,
		"ada valid-after=\"soon\" " + key:     "is no time",
		pgpBegin + "\n\nxx\n":                 "has no end",
		pgpBegin + "\n\nxx\n" + pgpEnd:        "read OpenPGP key",
		strings.Repeat("ada "+key+"\n", 1001): "more than 1000 keys",
	} {
		if _, err := Parse(list); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q", list, err, want)
		}
	}
}

// TestSignaturesThatAreNone fit nobody.
func TestSignaturesThatAreNone(t *testing.T) {
	key := newKey(t)
	s, err := Parse("ada " + public(key))
	if err != nil {
		t.Fatal(err)
	}
	other, err := sshsig.Sign(strings.NewReader("cargo"), key, sshsig.HashSHA512, "file")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"":                               "is not signed",
		"-----BEGIN SIGNED MESSAGE-----": "not supported",
		"-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n": "can't be read",
		"-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----": "OpenPGP signature",
		string(sshsig.Armor(other)): "does not fit",
	} {
		if _, err := s.Verify(Signed{Payload: []byte("cargo"), Signature: text}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q", text, err, want)
		}
	}
}

// TestSHA1IsNoSignature: RSA with it can be forged.
func TestSHA1IsNoSignature(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := sshsig.Sign(strings.NewReader("cargo"), signer, sshsig.HashSHA512, "git")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha1.Sum([]byte("cargo")) //nolint:gosec // to be refused
	sig.Signature = &ssh.Signature{Format: ssh.KeyAlgoRSA, Blob: sum[:]}
	s, err := Parse("ada " + public(signer))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Verify(Signed{Payload: []byte("cargo"), Signature: string(sshsig.Armor(sig))}); err == nil || !strings.Contains(err.Error(), "ssh-rsa") {
		t.Errorf("got %v", err)
	}
}

// FuzzParse and FuzzVerify: what Git holds is hostile until it is checked.
func FuzzParse(f *testing.F) {
	f.Add("ada ssh-ed25519 AAAA")
	f.Add(pgpBegin + "\n\nAAAA\n" + pgpEnd)
	f.Fuzz(func(_ *testing.T, list string) { _, _ = Parse(list) })
}

func FuzzVerify(f *testing.F) {
	f.Add("-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n")
	f.Add("-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----")
	f.Fuzz(func(t *testing.T, text string) {
		if who, err := (Signers{}).Verify(Signed{Payload: []byte("cargo"), Signature: text}); err == nil {
			t.Errorf("signed by %q, and nobody may", who)
		}
	})
}
