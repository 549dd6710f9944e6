package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestTheDockerConfigurationFile(t *testing.T) {
	file := configFile(t, map[string]any{"auths": map[string]any{
		"registry.example.com":        map[string]string{"auth": basic("ada", "a:b")},
		"https://index.docker.io/v1/": map[string]string{"auth": basic("hub", "h")},
		"https://old.example.com/v1/": map[string]string{"username": "old", "password": "o"},
		"token.example.com":           map[string]string{"identitytoken": "i"},
		"empty.example.com":           map[string]string{},
	}})
	for registry, want := range map[string]Credentials{
		"registry.example.com":      {Username: "ada", Password: "a:b"},
		Hub:                         {Username: "hub", Password: "h"},
		"old.example.com":           {Username: "old", Password: "o"},
		"token.example.com":         {IdentityToken: "i"},
		"empty.example.com":         {},
		"other.example.com":         {},
		"registry.example.com:5000": {},
	} {
		got, ok, err := DockerConfig(file)(t.Context(), registry)
		if err != nil || ok != (want != Credentials{}) || got != want {
			t.Errorf("%s: %t, %v, want %t", registry, ok, err, want != Credentials{})
		}
	}
}

func TestAChangedFileCountsAtOnce(t *testing.T) {
	registry := guarded(t)
	want := push(t, registry.Ref("web:1"), ada())
	path := filepath.Join(t.TempDir(), "config.json")
	keys := DockerConfig(path)
	r, _ := resolver(t)
	fails(t, r, registry.Ref("web:1"), keys, Denied) // there is no file yet
	for password, good := range map[string]bool{"wrong": false, secret: true} {
		data, _ := json.Marshal(map[string]any{"auths": map[string]any{registry.Address: map[string]string{"auth": basic("ada", password)}}})
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := r.Resolve(t.Context(), registry.Ref("web:1"), keys)
		if (err == nil) != good || good && got != want {
			t.Errorf("the right password: %v; got %s, %v", good, got, err)
		}
	}
}

func TestABrokenFileIsSaidAndNotRepeated(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.json")
	for _, content := range []string{`{"auths": {"a": {"auth": "` + secret, `{"auths": {"a": {"auth": "!` + secret + `"}}}`} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, err := DockerConfig(path)(t.Context(), "a")
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("got %v, want an error without the content", err)
		}
	}
}

func TestACredentialHelper(t *testing.T) {
	registry := guarded(t)
	want := push(t, registry.Ref("web:1"), ada())
	helper(t, "mine", fmt.Sprintf(`[ "$1" = get ] && [ "$(cat)" = "%s" ] && echo '{"Username": "ada", "Secret": "%s"}'`, registry.Address, secret))
	r, _ := resolver(t)
	for name, config := range map[string]any{
		"for one registry": map[string]any{"credHelpers": map[string]string{registry.Address: "mine"}},
		"for all":          map[string]any{"credsStore": "mine", "auths": map[string]any{registry.Address: map[string]string{}}},
	} {
		if got, err := r.Resolve(t.Context(), registry.Ref("web:1"), DockerConfig(configFile(t, config))); err != nil || got != want {
			t.Errorf("%s: %s, %v, want %s", name, got, err, want)
		}
	}
}

func TestWhatHelpersSay(t *testing.T) {
	for _, tc := range []struct {
		name, script string
		want         Credentials
		err          string
	}{
		{"nothing known", `echo "credentials not found in native keychain"; exit 1`, Credentials{}, ""},
		{"a token", `echo '{"Username": "<token>", "Secret": "t"}'`, Credentials{IdentityToken: "t"}, ""},
		{"docker hub's name", `[ "$(cat)" = https://index.docker.io/v1/ ] && echo '{"Username": "u", "Secret": "s"}'`, Credentials{Username: "u", Password: "s"}, ""},
		{"a failure", `echo ` + secret + `; echo ` + secret + ` >&2; exit 3`, Credentials{}, "run it by hand"},
		{"not what helpers say", `echo ` + secret, Credentials{}, "not what a helper answers"},
		{"our own variables", `[ -z "$TALLYMAN_GIT_TOKEN" ] && echo '{"Username": "u", "Secret": "s"}'`, Credentials{Username: "u", Password: "s"}, ""},
		{"without end", `while :; do echo ` + secret + `; done | head -c 1000000`, Credentials{}, "not what a helper answers"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			helper(t, "mine", tc.script)
			t.Setenv("TALLYMAN_GIT_TOKEN", secret)
			file := configFile(t, map[string]any{"credsStore": "mine"})
			got, ok, err := DockerConfig(file)(t.Context(), Hub)
			if got != tc.want || ok != (tc.want != Credentials{}) {
				t.Errorf("got other credentials than wanted, %t, %v", ok, err)
			}
			if (err == nil) != (tc.err == "") || err != nil && (!strings.Contains(err.Error(), tc.err) || strings.Contains(err.Error(), secret)) {
				t.Errorf("error %v, want one with %q and without the output", err, tc.err)
			}
		})
	}
}

// TestAHelperIsAProgramInPATH names what a helper must not be.
func TestAHelperIsAProgramInPATH(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for path, name := range map[string]string{"docker-credential-here": "here", "evil": "../evil", "x/evil": "x/evil"} {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("#!/bin/sh\ntouch ran\necho '{}'"), 0o700); err != nil {
			t.Fatal(err)
		}
		t.Setenv("PATH", ".:/usr/bin:/bin")
		_, _, err := DockerConfig(configFile(t, map[string]any{"credsStore": name}))(t.Context(), Hub)
		if err == nil || !strings.Contains(err.Error(), "find credential helper") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := os.Stat("ran"); err == nil {
		t.Error("one of them ran")
	}
}

func TestAHungHelperIsEnded(t *testing.T) {
	pid := filepath.Join(t.TempDir(), "pid")
	helper(t, "mine", "echo $$ > "+pid+"; exec sleep 1000")
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for data, _ := os.ReadFile(pid); len(data) == 0; data, _ = os.ReadFile(pid) {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	if _, _, err := runHelper(ctx, "mine", Hub); err == nil || !strings.Contains(err.Error(), "mine") {
		t.Errorf("got %v, want an error that names the helper", err)
	}
	data, err := os.ReadFile(pid)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("/proc/" + strings.TrimSpace(string(data))); err == nil {
		t.Error("it still runs")
	}
}

func TestAFileFromElsewhereRunsNothing(t *testing.T) {
	helper(t, "mine", `echo '{"Username": "ada", "Secret": "s"}'`)
	keys, err := FromConfig([]byte(`{"credsStore": "mine", "auths": {"a.example.com": {"auth": "` + basic("eve", "e") + `"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, ok, err := keys(t.Context(), Hub); ok || err != nil {
		t.Errorf("the helper ran: %v, %v", ok, err)
	}
	if got, ok, err := keys(t.Context(), "a.example.com"); got.Username != "eve" || !ok || err != nil {
		t.Errorf("got %q, %v, %v", got.Username, ok, err)
	}
}

func TestAFileFromElsewhereMustBeGood(t *testing.T) {
	for content, want := range map[string]string{
		secret:                    "not a Docker configuration file",
		`["` + secret + `"]`:      "not a Docker configuration file",
		`{"` + secret + `": "x"}`: "no credentials in auths",
		`{"auths": {"` + secret + `": {}}, "credsStore": "mine"}`: "credsStore",
		`{"auths": {"a": {"auth": "!` + secret + `"}}}`:           "not the base64 form",
		`{"auths": {"a": {"auth": "` + secret + `"}}}`:            "not the base64 form",
	} {
		_, err := FromConfig([]byte(content))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: got %v, want %q and none of the content", content, err, want)
		}
	}
}

func TestOfSeveralFilesTheFirstThatKnowsTheRegistryCounts(t *testing.T) {
	file := func(registry, name string) []byte {
		return []byte(`{"auths": {"` + registry + `": {"auth": "` + basic(name, "x") + `"}}}`)
	}
	keys, err := FromConfigs([][]byte{file("a", "first"), file("b", "second"), file("a", "third")})
	if err != nil {
		t.Fatal(err)
	}
	for registry, want := range map[string]string{"a": "first", "b": "second", "c": ""} {
		if got, _, err := keys(t.Context(), registry); got.Username != want || err != nil {
			t.Errorf("%s: got %q, %v, want %q", registry, got.Username, err, want)
		}
	}
	if keys, err := FromConfigs(nil); keys != nil || err != nil {
		t.Errorf("of none there is one, or the error %v", err)
	}
	if _, err := FromConfigs([][]byte{file("a", "first"), []byte(secret)}); err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("one is broken: %v", err)
	}
}

// TestWhichPathCountsIsAlwaysTheSame: a file may have several keys for a registry.
func TestWhichPathCountsIsAlwaysTheSame(t *testing.T) {
	keys, err := FromConfig([]byte(`{"auths": {"a/y": {"auth": "` + basic("y", "x") + `"}, "a/x": {"auth": "` + basic("x", "x") + `"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if got, _, _ := keys(t.Context(), "a"); got.Username != "x" {
			t.Fatalf("got %q", got.Username)
		}
	}
}

func TestWhatIsGivenOutrightGoesFirst(t *testing.T) {
	none := func(context.Context, string) (Credentials, bool, error) { return Credentials{}, false, nil }
	got, ok, err := First(nil, none, user("first", "1"), user("second", "2"))(t.Context(), Hub)
	if got.Username != "first" || !ok || err != nil {
		t.Errorf("got %q, %v, %v", got.Username, ok, err)
	}
	if _, ok, err := First(nil, none)(t.Context(), Hub); ok || err != nil {
		t.Errorf("nobody has any: %v, %v", ok, err)
	}
	broken := func(context.Context, string) (Credentials, bool, error) {
		return Credentials{}, false, fmt.Errorf("no answer")
	}
	if _, _, err := First(broken, user("second", "2"))(t.Context(), Hub); err == nil {
		t.Error("a keychain that can't say was passed over")
	}
}

func TestCredentialsPrintAsNothing(t *testing.T) {
	c := Credentials{Username: "ada", Password: secret}
	data, err := json.Marshal(c)
	if text := fmt.Sprintf("%v %+v %#v %s", c, c, c, data); err != nil || strings.Contains(text, secret) {
		t.Errorf("%v: %s", err, text)
	}
}
