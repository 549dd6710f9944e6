package desired_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/desired"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// pullingWith are the options of somebody who has decrypted the pull secrets.
func pullingWith(hub string) desired.Options {
	opts := options
	opts.Secrets = desired.Secrets{Key: digestKey(), Values: map[string]map[string][]byte{
		"hub": {"config.json": []byte(hub)}, "own": {".dockerconfigjson": []byte("hush-own")},
	}}
	return opts
}

// pullingDocs is an app that pulls with secrets, in the order given.
func pullingDocs(pullSecrets string) []string {
	return []string{
		doc("App", "shop", "{pullSecrets: "+pullSecrets+"}"), sealedDoc("hub", "config.json"), sealedDoc("own", ".dockerconfigjson"), doc("Service", "web", "{image: web}"),
	}
}

func TestPullSecretsTravelAsReferences(t *testing.T) {
	docs := pullingDocs("[own, hub]")
	d := buildFor(t, pullingWith("hush-hub"), docs...)
	want := []model.SecretRef{
		{Secret: "own", Key: ".dockerconfigjson", Digest: digestKey().Digest([]byte("hush-own"))},
		{Secret: "hub", Key: "config.json", Digest: digestKey().Digest([]byte("hush-hub"))},
	}
	if !slices.Equal(d.Apps[0].PullSecrets, want) {
		t.Errorf("got %v, want %v in the manifest's order", d.Apps[0].PullSecrets, want)
	}
	if got, err := d.Blobs.Unseal(d.Apps[0].PullSecrets); err != nil || len(got) != 2 || string(got[1]) != "hush-hub" {
		t.Errorf("of %d contents: %v", len(got), err)
	}
	if data, _ := json.Marshal(d); strings.Contains(string(data), "hush-") {
		t.Errorf("a content is in the JSON: %s", data)
	}
	asked := desired.PullSecrets(load(t, docs...), pullingWith("hush-hub").Secrets)["shop"]
	if len(asked) != 2 || string(asked[0]) != "hush-own" {
		t.Errorf("registries would be shown %d of 2", len(asked))
	}
}

func TestAnotherPullSecretIsNoRollout(t *testing.T) {
	a := buildFor(t, pullingWith("one"), pullingDocs("[hub]")...).Apps[0]
	for name, b := range map[string]model.App{
		"another content": buildFor(t, pullingWith("two"), pullingDocs("[hub]")...).Apps[0],
		"another secret":  buildFor(t, pullingWith("one"), pullingDocs("[own]")...).Apps[0],
		"none":            buildFor(t, pullingWith("one"), pullingDocs("[]")...).Apps[0],
	} {
		if a.Digest != b.Digest || a.Services[0].Fingerprint != b.Services[0].Fingerprint {
			t.Errorf("%s makes another rendering of the app", name)
		}
		if slices.Equal(a.PullSecrets, b.PullSecrets) {
			t.Errorf("%s is not noticed at all", name)
		}
	}
}

// Who only validates has no values.
func TestWithoutValuesPullSecretsHaveNoDigest(t *testing.T) {
	d := build(t, pullingDocs("[hub]")...)
	if got := d.Apps[0].PullSecrets; len(got) != 1 || got[0].Digest != "" {
		t.Errorf("got %v", got)
	}
}

func TestARecordedDigestThatStandsInIsSaid(t *testing.T) {
	key := desired.ImageKey{App: "default", Ref: "web:1"}
	fresh := shopOf(t, desired.Images{key: {Digest: first}}, "web:1")
	stale := shopOf(t, desired.Images{key: {Digest: first, Reason: "denied"}}, "web:1")
	if fresh.Stale != "" || stale.Stale != "denied" || stale.Unresolved != "" {
		t.Errorf("fresh %q; stale %q, unresolved %q", fresh.Stale, stale.Stale, stale.Unresolved)
	}
	if fresh.Digest != stale.Digest {
		t.Error("to say so is another rendering")
	}
}
