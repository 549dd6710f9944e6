package secret

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/manifest"
)

func openFile(t testing.TB, name string, ids []identity) (map[string][]byte, error) {
	t.Helper()
	return openSOPS(manifest.Sealed{File: name, Data: testdata(t, name)}, ids)
}

// values are what the YAML fixtures hold on the outermost level, whichever of
// them is encrypted.
func values() map[string]string {
	return map[string]string{
		"url": "postgres://shop:c4nary@db/shop", "port": "5432", "ratio": "0.25", "big": "1000000000000000000000",
		"on": "true", "off": "false", "empty": "", "since": "2024-02-29T12:00:00Z", "umlaut": "grüße ☃",
		"tls.key":          "-----BEGIN PRIVATE KEY-----\nc4nary\n-----END PRIVATE KEY-----\n",
		"host_unencrypted": "db.internal", "folded": "several words in one line\n", "number-as-text": "0777",
	}
}

func wantValues(t *testing.T, got map[string][]byte, want map[string]string) {
	t.Helper()
	for key, value := range want {
		if have, ok := got[key]; !ok || string(have) != value {
			t.Errorf("%s is %q (%v), want %q", key, have, ok, value)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d values, want %d", len(got), len(want))
	}
}

func TestFilesThatSOPSWrote(t *testing.T) {
	for _, name := range []string{"all", "again", "regex", "unregex", "suffix", "unsuffix", "maconly"} {
		t.Run(name, func(t *testing.T) {
			got, err := openFile(t, name+".enc.yaml", keys(t, "one"))
			if err != nil {
				t.Fatal(err)
			}
			wantValues(t, got, values())
		})
	}
	t.Run("json", func(t *testing.T) {
		got, err := openFile(t, "all.enc.json", keys(t, "one"))
		if err != nil {
			t.Fatal(err)
		}
		wantValues(t, got, map[string]string{
			"url": "postgres://shop:c4nary@db/shop", "port": "5432", "big": "12345678901", "ratio": "1.5", "ok": "true", "quoted": "a\tb\"c",
		})
	})
	t.Run("any of its recipients", func(t *testing.T) {
		if _, err := openFile(t, "again.enc.yaml", keys(t, "two")); err != nil {
			t.Error(err)
		}
	})
}

func TestAFileForOthersNamesWhoCouldOpenIt(t *testing.T) {
	one, two := keys(t, "one"), keys(t, "two")
	_, err := openFile(t, "other.enc.yaml", one)
	saysNothing(t, err)
	for _, recipient := range []string{two[0].recipient, one[0].recipient} {
		if !strings.Contains(err.Error(), recipient) {
			t.Errorf("%v does not name %s", err, recipient)
		}
	}
	_, err = openFile(t, "other.enc.yaml", nil)
	saysNothing(t, err)
	if !strings.Contains(err.Error(), two[0].recipient) || !strings.Contains(err.Error(), "--age-key-file") {
		t.Errorf("%v does not say which key is needed and where to give it", err)
	}
}

func TestSOPSFilesThatAreNotSupportedSayWhatToDo(t *testing.T) {
	all := string(testdata(t, "all.enc.yaml"))
	pgp := regexp.MustCompile(`(?s)    age:.*?    lastmodified`).ReplaceAllString(all, "    pgp:\n        - fp: AAAA\n          enc: x\n    lastmodified")
	for name, tc := range map[string]struct{ data, want string }{
		"key groups":            {string(testdata(t, "groups.enc.yaml")), "single group"},
		"comment rules":         {string(testdata(t, "comments.enc.yaml")), "regular expression of the keys"},
		"PGP":                   {pgp, "encrypted for PGP and for no age key"},
		"no metadata":           {"url: c4nary", "is not encrypted"},
		"two documents":         {all + "---\nmore: c4nary\n", "more than one document"},
		"no YAML":               {"{c4nary", "can't be read as a SOPS file"},
		"odd metadata":          {"url: c4nary\nsops: {mac: [c4nary]}", "metadata that can't be read"},
		"an alias":              {strings.Replace(all, "empty: \"\"", "empty: &a \"\"\nmore: *a", 1), "SOPS does not write"},
		"a key that is no text": {"1: c4nary\n" + all, "SOPS does not write"},
		"a bad expression":      {strings.Replace(all, "unencrypted_suffix: _unencrypted", "encrypted_regex: '('", 1), "regular expression that can't be read"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := openSOPS(manifest.Sealed{Data: []byte(tc.data)}, keys(t, "one"))
			saysNothing(t, err)
			if !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, want %q", err, tc.want)
			}
		})
	}
}

// Whoever can write to the repository and has no key can't have other values
// taken for good ones.
func TestAChangedFileIsRefused(t *testing.T) {
	all := string(testdata(t, "all.enc.yaml"))
	line := func(key string) string {
		return regexp.MustCompile(`(?m)^` + key + `: (ENC\[.*?\])`).FindStringSubmatch(all)[1]
	}
	regexEnc := string(testdata(t, "regex.enc.yaml"))
	for name, data := range map[string]string{
		"a value moved to another key":  strings.Replace(all, line("url"), line("umlaut"), 1),
		"a value in the clear":          strings.Replace(all, line("url"), "c4nary", 1),
		"a number in the clear":         strings.Replace(all, line("port"), "5433", 1),
		"a readable value changed":      strings.Replace(all, "db.internal", "db.evil", 1),
		"a value left out":              strings.Replace(all, "umlaut: "+line("umlaut")+"\n", "", 1),
		"a value emptied":               strings.Replace(all, line("url"), `""`, 1),
		"a value added":                 strings.Replace(all, "empty: \"\"", "empty: \"\"\nmore_unencrypted: x", 1),
		"another sum":                   regexp.MustCompile(`(?m)^    mac: .*$`).ReplaceAllString(all, "    mac: "+line("url")),
		"no sum":                        regexp.MustCompile(`(?m)^    mac: .*$`).ReplaceAllString(all, `    mac: ""`),
		"another time":                  regexp.MustCompile(`lastmodified: "20\d\d`).ReplaceAllString(all, `lastmodified: "1999`),
		"another rule":                  strings.Replace(regexEnc, "^(url|nested)$", "^(url)$", 1),
		"only a part is to be summed":   strings.Replace(regexEnc, "    encrypted_regex", "    mac_only_encrypted: true\n    encrypted_regex", 1),
		"another type":                  strings.Replace(all, line("umlaut"), strings.Replace(line("umlaut"), "type:str", "type:int", 1), 1),
		"a value of no type":            strings.Replace(all, line("umlaut"), strings.Replace(line("umlaut"), "type:str", "type:c4nary", 1), 1),
		"a value turned into a comment": strings.Replace(all, line("umlaut"), strings.Replace(line("umlaut"), "type:str", "type:comment", 1), 1),
	} {
		t.Run(name, func(t *testing.T) {
			if data == all || data == regexEnc {
				t.Fatal("the test changes nothing")
			}
			values, err := openSOPS(manifest.Sealed{Data: []byte(data)}, keys(t, "one"))
			saysNothing(t, err)
			if values != nil {
				t.Error("values come with the error")
			}
		})
	}
}

// Any bytes give values or an error that tells nothing, and never a panic.
func FuzzOpenSOPS(f *testing.F) {
	for _, name := range []string{"all.enc.yaml", "maconly.enc.yaml", "groups.enc.yaml", "all.enc.json"} {
		f.Add(testdata(f, name))
	}
	ids := keys(f, "one")
	f.Fuzz(func(t *testing.T, data []byte) {
		_, err := openSOPS(manifest.Sealed{Data: data}, ids)
		if err != nil && !bytes.Contains(data, []byte(canary)) && strings.Contains(err.Error(), canary) {
			t.Errorf("the error repeats a value: %v", err)
		}
	})
}
