package desired_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/desired"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

func digestKey() model.DigestKey { return model.NewDigestKey([]byte("test")) }

// withSecrets are the options of somebody who has decrypted the secret db.
func withSecrets() desired.Options {
	opts := options
	opts.Secrets = desired.Secrets{Key: digestKey(), Values: map[string]map[string][]byte{
		"db": {"url": []byte("postgres://"), "tls.key": []byte("a key"), "binary": {0xff, 0}},
	}}
	return opts
}

// sealedDoc is a Secret with keys. What they hold is not looked at here.
func sealedDoc(name string, keys ...string) string {
	var values []string
	for _, key := range keys {
		values = append(values, key+`: "-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n-----END AGE ENCRYPTED FILE-----\n"`)
	}
	return doc("Secret", name, "{age: {"+strings.Join(values, ", ")+"}}")
}

const usesURL = "{image: web, environment: {URL: {secret: db, key: url}}, files: [{secret: db, key: tls.key, path: /k}]}"

func TestAValueIsInTheBlobsAndNowhereElse(t *testing.T) {
	d := buildFor(t, withSecrets(), sealedDoc("db", "url", "tls.key"), doc("Service", "web", usesURL))
	data, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range []string{"postgres://", "a key"} {
		if strings.Contains(string(data), value) {
			t.Errorf("%q is in the desired state's JSON:\n%s", value, data)
		}
	}
	if d.DigestKey != digestKey() || !strings.Contains(string(data), `"secret":"db"`) {
		t.Errorf("the references or the key are missing:\n%s", data)
	}
}

func TestAnotherValueIsAnotherFingerprintAndTheSameOneIsNot(t *testing.T) {
	build := func(opts desired.Options) model.App {
		return buildFor(t, opts, sealedDoc("db", "url", "tls.key"), doc("Service", "web", usesURL)).Apps[0]
	}
	rotated := withSecrets()
	rotated.Secrets.Values["db"]["url"] = []byte("postgres://elsewhere")
	first, same, other := build(withSecrets()), build(withSecrets()), build(rotated)
	if first.Digest != same.Digest || first.Services[0].Fingerprint != same.Services[0].Fingerprint {
		t.Error("the same value makes another fingerprint")
	}
	if first.Digest == other.Digest || first.Services[0].Fingerprint == other.Services[0].Fingerprint {
		t.Error("another value makes the same fingerprint")
	}
}

func TestSecretsThatCanNotBeUsed(t *testing.T) {
	noKey := withSecrets()
	noKey.Secrets.Key = model.DigestKey{}
	for name, tc := range map[string]struct {
		opts desired.Options
		spec string
		want string
	}{
		"bytes in a variable":          {withSecrets(), "{image: web, environment: {B: {secret: db, key: binary}}}", "give it as a file"},
		"a key that was not decrypted": {withSecrets(), "{image: web, environment: {B: {secret: db, key: gone}}}", `find key "gone" of secret "db"`},
		"no key for digests":           {noKey, usesURL, "no key for digests"},
	} {
		set := load(t, sealedDoc("db", "url", "tls.key", "binary", "gone"), doc("Service", "web", tc.spec))
		_, err := desired.Build(set, tc.opts)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
}

// Without values the set can still be checked: validate needs no key.
func TestWithoutValuesTheSetIsCheckedAllTheSame(t *testing.T) {
	d := build(t, sealedDoc("db", "url", "tls.key"), doc("Service", "web", usesURL))
	if ref := d.Apps[0].Services[0].Container.SecretEnv["URL"]; ref.Secret != "db" || ref.Digest != "" || len(d.Blobs) != 0 {
		t.Errorf("reference %+v, %d blobs", ref, len(d.Blobs))
	}
}
