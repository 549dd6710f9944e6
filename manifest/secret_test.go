package manifest_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/manifest"
)

const (
	// sopsFile has the form of what SOPS writes: keys in the clear, values not.
	sopsFile = "url: ENC[AES256_GCM,data:hush,iv:a,tag:b,type:str]\nport: ENC[AES256_GCM,data:hush,iv:a,tag:b,type:int]\n" +
		"nested:\n  user: ENC[AES256_GCM,data:hush,iv:a,tag:b,type:str]\nnothing: null\nsops:\n  mac: ENC[hush]\n  age: []\n"
	armored = `"-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n-----END AGE ENCRYPTED FILE-----\n"`
)

func TestSecretKeysAreSeenWithoutDecrypting(t *testing.T) {
	set := load(t, tree(
		"shop/sops.yaml", doc("Secret", "sops", "{sops: secrets/db.enc.yaml}"), "shop/secrets/db.enc.yaml", sopsFile,
		"json.yaml", doc("Secret", "json", "{sops: db.enc.json}"), "db.enc.json", `{"token": "ENC[x]", "sops": {"mac": "x"}}`,
		"age.yaml", doc("Secret", "age", "{age: {b: "+armored+"}, ageFiles: {a: a.age}}"), "a.age", "\xff\x00binary",
		"shop/web.yaml", doc("Service", "web", "{image: web, environment: {URL: {secret: sops, key: url}}, files: [{secret: sops, key: port, path: /p}]}"),
	))
	want := map[string][]string{"age": {"a", "b"}, "json": {"token"}, "sops": {"port", "url"}}
	for _, s := range set.Secrets {
		keys := s.Keys()
		slices.Sort(keys)
		if !slices.Equal(keys, want[s.Metadata.Name]) {
			t.Errorf("secret %s has the keys %v, want %v", s.Metadata.Name, keys, want[s.Metadata.Name])
		}
	}
	sops, ok := set.Secrets[2].SOPS()
	if !ok || sops.File != "shop/secrets/db.enc.yaml" || string(sops.Data) != sopsFile || set.Secrets[2].App != "default" {
		t.Errorf("SOPS file %q of %d bytes, app %q", sops.File, len(sops.Data), set.Secrets[2].App)
	}
	age := set.Secrets[0].Age()
	if age["a"].File != "a.age" || string(age["a"].Data) != "\xff\x00binary" || age["b"].File != "age.yaml" || !strings.HasPrefix(string(age["b"].Data), "-----BEGIN") {
		t.Errorf("age values %+v", age)
	}
	file := set.Services[0].Spec.Files[0]
	if *file.Mode != 0o400 || set.Services[0].Spec.Environment["URL"].From.Key != "url" {
		t.Errorf("the file has mode %04o, the variable is %+v", *file.Mode, set.Services[0].Spec.Environment["URL"])
	}
}

func TestSecretsThatCanNotBeUsed(t *testing.T) {
	user := doc("Service", "web", "{image: web, environment: {A: {secret: db, key: ulr}, B: {secret: db, key: nested}}, files: [{secret: db, key: nothing, path: /n}]}")
	fsys := tree("web.yaml", user, "db.yaml", doc("Secret", "db", "{sops: db.enc.yaml}"), "db.enc.yaml", sopsFile)
	wantErrors(t, loadErrors(t, fsys, manifest.Options{}),
		`web.yaml:1:119: spec.environment.A.key: secret "db" has no key "ulr" (did you mean url?)`,
		`web.yaml:1:146: spec.environment.B.key: key "nested" of secret "db" is not one value (only keys on the outermost level whose value is a text, a number or a boolean can be used)`,
		`web.yaml:1:182: spec.files[0].key: key "nothing" of secret "db" is not one value (only keys on the outermost level whose value is a text, a number or a boolean can be used)`,
	)
	for name, data := range map[string]string{
		"is not encrypted": "url: hush\n", "is not one mapping": "- hush\n", "can't be read as YAML or JSON": "{hush", "does not exist": "",
	} {
		fsys := tree("db.yaml", doc("Secret", "db", "{sops: .hidden/db.enc.yaml}"))
		if data != "" {
			fsys = tree("db.yaml", doc("Secret", "db", "{sops: .hidden/db.enc.yaml}"), ".hidden/db.enc.yaml", data)
		}
		errs := loadErrors(t, fsys, manifest.Options{})
		if len(errs) != 1 || !strings.Contains(errs.Error(), name) || !strings.HasPrefix(errs.Error(), "db.yaml:1:76: spec.sops: ") {
			t.Errorf("%s: %v", name, errs)
		}
		if strings.Contains(errs.Error(), "hush") {
			t.Errorf("the error repeats what is in the file: %v", errs)
		}
	}
}

// A file that SOPS encrypted is no manifest and has to belong to a Secret, so
// that a Secret with a mistake in its path does not go unnoticed.
func TestSOPSFilesBelongToASecret(t *testing.T) {
	fsys := tree("web.yaml", doc("Service", "web", web), "db.enc.yaml", sopsFile)
	wantErrors(t, loadErrors(t, fsys, manifest.Options{}),
		`db.enc.yaml: is a SOPS file that no Secret names (name it in spec.sops of one, or in .tallymanignore)`)
	fsys = tree("web.yaml", doc("Service", "web", web), "db.enc.yaml", sopsFile, ".tallymanignore", "*.enc.yaml\n")
	load(t, fsys)
	fsys = tree("db.yaml", doc("Secret", "db", "{sops: db.encc.yaml}"), "db.enc.yaml", sopsFile)
	if errs := loadErrors(t, fsys, manifest.Options{}); len(errs) != 1 || !strings.Contains(errs.Error(), "did you mean db.enc.yaml?") {
		t.Errorf("one mistake, %d errors: %v", len(errs), errs)
	}
}
