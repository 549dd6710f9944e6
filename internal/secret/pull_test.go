package secret

import (
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/manifest"
)

// pulling is an app that pulls with a secret.
func pulling(t *testing.T, content string) *manifest.Set {
	t.Helper()
	return set(t, map[string]string{
		"app.yaml": "apiVersion: tallyman/v1\nkind: App\nmetadata: {name: shop}\nspec: {pullSecrets: [hub]}\n",
		"hub.yaml": secretDoc("hub", "age:\n    config.json: "+block(seal(t, content, true))),
	})
}

func TestAPullSecretIsReadAsSoonAsItIsOpen(t *testing.T) {
	o := NewOpener(variables(map[string]string{"KEY": oneKey(t)}))
	const good = `{"auths": {"registry.example.com": {"username": "ada", "password": "x"}}}`
	got, err := o.Open(pulling(t, good), "me")
	if err != nil || string(got.Values["hub"]["config.json"]) != good {
		t.Errorf("a good one: %v", err)
	}
	for _, content := range []string{canary, `{"auths": {"` + canary + `": {"auth": "` + canary + `"}}}`, `{"` + canary + `": {}}`} {
		_, err := o.Open(pulling(t, content), "me")
		saysNothing(t, err)
		if !strings.Contains(err.Error(), `hub.yaml:6:18: spec.age["config.json"]: pull with secret "hub": `) {
			t.Errorf("it is not told which secret: %v", err)
		}
	}
}

func TestWhatNobodyPullsWithMayHoldAnything(t *testing.T) {
	files := map[string]string{"hub.yaml": secretDoc("hub", "age:\n    config.json: "+block(seal(t, "anything", true)))}
	if _, err := NewOpener(variables(map[string]string{"KEY": oneKey(t)})).Open(set(t, files), "me"); err != nil {
		t.Error(err)
	}
}
