package model

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func TestADigestTellsEqualFromDifferentAndNothingElse(t *testing.T) {
	one, other := NewDigestKey([]byte("first key")), NewDigestKey([]byte("second key"))
	a, b := one.Digest([]byte("a")), one.Digest([]byte("b"))
	if a == b || a != one.Digest([]byte("a")) {
		t.Errorf("digests %q and %q of one key", a, b)
	}
	if strings.Contains(Digest([]byte("a")), a[len(a)-64:]) {
		t.Error("the digest is the one that anybody can compute")
	}
	if c := other.Digest([]byte("a")); c[len(c)-64:] == a[len(a)-64:] || Comparable(a, c) {
		t.Errorf("digests of two keys can be compared: %q and %q", a, c)
	}
	if !Comparable(a, b) || Comparable(a, "") || Comparable("", "") || Comparable(a, Digest(nil)) {
		t.Error("what can be compared and what can't is mixed up")
	}
	if got := (DigestKey{}).Digest([]byte("a")); got != "" {
		t.Errorf("no key gives digest %q", got)
	}
}

func TestUnsealedValuesNeverPrintThemselves(t *testing.T) {
	holder := struct{ Shown Unsealed }{Unsealed{[]byte("canary")}}
	data, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{string(data), fmt.Sprintf("%v %+v %#v %s %q", holder, holder, holder, holder.Shown, holder.Shown)} {
		if strings.Contains(text, "canary") || strings.Contains(text, "99 97 110") {
			t.Errorf("printed: %s", text)
		}
	}
}

func TestUnsealWantsEveryValue(t *testing.T) {
	blobs := Blobs{"d1": []byte("one"), "d2": []byte("two")}
	got, err := blobs.Unseal([]SecretRef{{Secret: "b", Key: "k", Digest: "d2"}, {Secret: "a", Key: "k", Digest: "d1"}})
	if err != nil || len(got) != 2 || string(got[0]) != "two" {
		t.Errorf("%d values, %v", len(got), err)
	}
	if _, err := blobs.Unseal([]SecretRef{{Secret: "c", Key: "k", Digest: "d3"}}); err == nil || !strings.Contains(err.Error(), "(secret c/k)") {
		t.Errorf("a value that is not at hand: %v", err)
	}
}

func TestADigestKeyNeverPrintsItself(t *testing.T) {
	key := NewDigestKey([]byte("canary"))
	holder := struct{ Key DigestKey }{key}
	data, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		string(data), key.String(), fmt.Sprint(holder), fmt.Sprintf("%v %+v %#v %s %q", key, holder, holder, key, key),
	} {
		if strings.Contains(text, "canary") {
			t.Errorf("the key shows in %s", text)
		}
	}
}

func TestTheLabelNamesWhatIsSecret(t *testing.T) {
	spec := ContainerSpec{
		Env:       map[string]string{"LOG": "info"},
		SecretEnv: map[string]SecretRef{"URL": {"db", "url", "k:1"}, "A": {"api", "token", "k:2"}},
		Files:     []File{{Path: "/plain", Digest: "d"}, {Path: "/etc/my tls.key", Digest: "k:3", Secret: "db/tls.key"}},
	}
	label := SecretsLabel(&spec)
	if want := "env A api/token\nenv URL db/url\nfile /etc/my tls.key db/tls.key"; label != want {
		t.Errorf("label is %q, want %q", label, want)
	}
	want := SecretNames{
		Env:   map[string]SecretRef{"URL": {Secret: "db", Key: "url"}, "A": {Secret: "api", Key: "token"}},
		Files: map[string]string{"/etc/my tls.key": "db/tls.key"},
	}
	if got := SecretNamesFrom(label); !reflect.DeepEqual(got, want) {
		t.Errorf("read back %+v, want %+v", got, want)
	}
	for _, odd := range []string{"", "env", "env X", "what else\n\nfile"} {
		if got := SecretNamesFrom(odd); len(got.Env)+len(got.Files) != 0 {
			t.Errorf("label %q gives %+v", odd, got)
		}
	}
}
