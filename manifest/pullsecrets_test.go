package manifest_test

import (
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/manifest"
)

func TestAPullSecretHasADockerConfiguration(t *testing.T) {
	for key, data := range map[string]string{
		"config.json":       doc("Secret", "hub", `{age: {config.json: `+armored+`}}`),
		".dockerconfigjson": doc("Secret", "hub", `{age: {.dockerconfigjson: `+armored+`, other: `+armored+`}}`),
	} {
		set := load(t, tree("shop/app.yaml", doc("App", "shop", "{pullSecrets: [hub]}"), "shop/hub.yaml", data))
		if got := set.Secrets[0].PullKey(); got != key {
			t.Errorf("the configuration is in %q, want %q", got, key)
		}
	}
	both := load(t, tree("hub.yaml", doc("Secret", "hub", `{age: {.dockerconfigjson: `+armored+`, config.json: `+armored+`}}`)))
	if got := both.Secrets[0].PullKey(); got != "config.json" {
		t.Errorf("of both, %q counts", got)
	}
}

func TestPullSecretsThatCanNotBeUsed(t *testing.T) {
	app := doc("App", "shop", "{pullSecrets: [hub]}")
	hub := doc("Secret", "hub", `{age: {config.json: `+armored+`}}`)
	sealed := "config.json:\n  auths: ENC[AES256_GCM,data:hush,iv:a,tag:b,type:str]\nsops:\n  mac: ENC[hush]\n  age: []\n"
	for name, c := range map[string]struct {
		files []string
		want  string
	}{
		"there is none":  {[]string{"shop/app.yaml", app}, `shop/app.yaml:1:83: spec.pullSecrets[0]: there is no Secret "hub" in app "shop"`},
		"of another app": {[]string{"shop/app.yaml", app, "hub.yaml", hub}, `shop/app.yaml:1:83: spec.pullSecrets[0]: there is no Secret "hub" in app "shop" (the one at hub.yaml:1:58 belongs to app "default")`},
		"a typo": {
			[]string{"shop/app.yaml", strings.Replace(app, "hub", "hubb", 1), "shop/hub.yaml", hub},
			`shop/app.yaml:1:83: spec.pullSecrets[0]: there is no Secret "hubb" in app "shop" (did you mean hub?)`,
		},
		"without the key": {
			[]string{"shop/app.yaml", app, "shop/hub.yaml", doc("Secret", "hub", `{age: {config: `+armored+`}}`)},
			`shop/app.yaml:1:83: spec.pullSecrets[0]: secret "hub" has neither key "config.json" nor ".dockerconfigjson" (one of them holds the Docker configuration with the credentials)`,
		},
		"a mapping and no text": {
			[]string{"shop/app.yaml", app, "shop/hub.yaml", doc("Secret", "hub", `{sops: hub.enc.yaml}`), "shop/hub.enc.yaml", sealed},
			`shop/app.yaml:1:83: spec.pullSecrets[0]: key "config.json" of secret "hub" is not one value (only keys on the outermost level whose value is a text, a number or a boolean can be used)`,
		},
		"a secret with a mistake": {
			[]string{"shop/app.yaml", app, "shop/hub.yaml", doc("Secret", "hub", `{age: {config: nothing}}`)}, "",
		},
		"twice": {
			[]string{"shop/app.yaml", doc("App", "shop", "{pullSecrets: [hub, hub]}"), "shop/hub.yaml", hub}, "pullSecrets",
		},
	} {
		t.Run(name, func(t *testing.T) {
			errs := loadErrors(t, tree(c.files...), manifest.Options{})
			if len(errs) != 1 || !strings.Contains(errs.Error(), c.want) {
				t.Errorf("got\n%v\nwant one error with\n%s", errs, c.want)
			}
			if c.want == "" && !strings.HasPrefix(errs.Error(), "shop/hub.yaml") {
				t.Errorf("a consequence is told as a mistake: %v", errs)
			}
		})
	}
}
