package images

import (
	"context"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/internal/dockertest"
	"github.com/tallyman-io/tallyman/internal/registry"
	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/report"
)

// TestAPolicyIsThereBeforeItsRegistryHasAnswered, which may take minutes.
func TestAPolicyIsThereBeforeItsRegistryHasAnswered(t *testing.T) {
	s := newScene(t)
	s.push("shop/web", "1.4.2", "1.5.0")
	s.write(map[string]string{"web.yaml": written, "policy.yaml": upTo2})
	if all := s.Fare(); len(all) != 0 {
		t.Errorf("before the manifests were read there are %+v", all)
	}
	var meanwhile []report.ImagePolicy
	s.Registry = watched{s.Registry, func() { meanwhile = s.Fare() }}
	s.look()
	want := report.ImagePolicy{Name: "web", App: "default", Image: s.reg.Ref("shop/web"), Current: []string{s.reg.Ref("shop/web:1.4.2")}}
	if !reflect.DeepEqual(meanwhile, []report.ImagePolicy{want}) {
		t.Errorf("while it is asked there are %+v, want %+v", meanwhile, want)
	}
	want.Asked, want.Next = s.now, []string{s.reg.Ref("shop/web:1.5.0")}
	if f := s.fare(); !reflect.DeepEqual(f, want) {
		t.Errorf("once it has answered there is %+v, want %+v", f, want)
	}
	if err := s.Look(t.Context(), s.now.Add(time.Second)); err != nil { // nothing is due
		t.Fatal(err)
	}
	want.Current, want.Next = want.Next, []string{}
	if f := s.fare(); !reflect.DeepEqual(f, want) {
		t.Errorf("once it is in force there is %+v, want %+v", f, want)
	}
}

// TestARegistryThatFailsIsShownSinceThen, however often it fails, until it answers.
func TestARegistryThatFailsIsShownSinceThen(t *testing.T) {
	s := newScene(t)
	s.push("shop/web", "1.4.2")
	s.write(map[string]string{"web.yaml": written, "policy.yaml": upTo2})
	s.look()
	s.reg.Stop()
	var since time.Time
	for range 2 {
		s.now = s.now.Add(2 * time.Hour)
		if since.IsZero() {
			since = s.now
		}
		if err := s.Look(t.Context(), s.now); err == nil {
			t.Fatal("a registry that is away is no error")
		}
		f := s.fare()
		if !strings.Contains(f.Error, s.reg.Address) || !f.Since.Equal(since) || !f.Asked.Equal(s.now) || len(f.Current) != 1 {
			t.Errorf("at %s there is %+v, failing since %s", s.now, f, since)
		}
	}
	s.reg.Start()
	s.now = s.now.Add(4 * time.Hour)
	s.look()
	if f := s.fare(); f.Error != "" || !f.Since.IsZero() {
		t.Errorf("it has answered, and there is %+v", f)
	}
}

// TestARegistryThatAnswersNothingInARoundFails: it is asked again at once, and nobody
// would see why nothing comes.
func TestARegistryThatAnswersNothingInARoundFails(t *testing.T) {
	s := newScene(t)
	s.push("shop/web", "1.4.2")
	s.write(map[string]string{"web.yaml": written, "policy.yaml": upTo2})
	ctx, cancel := context.WithCancel(t.Context())
	s.Registry = watched{s.Registry, cancel}
	if err := s.Look(ctx, s.now); err != nil && !strings.Contains(err.Error(), "context canceled") {
		t.Fatal(err)
	}
	if f := s.fare(); !strings.Contains(f.Error, "no answer within") || !f.Asked.IsZero() {
		t.Errorf("there is %+v", f)
	}
}

// TestNoSecretIsShown of a registry that does not take it.
func TestNoSecretIsShown(t *testing.T) {
	s := newScene(t)
	s.reg = dockertest.NewRegistry(t, "127.0.0.1", map[string]string{"ada": "right"})
	const canary = "canary-77c1e0"
	config, err := json.Marshal(map[string]any{"auths": map[string]any{s.reg.Address: map[string]string{"username": "ada", "password": canary}}})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := registry.FromConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	s.Keys = func(*manifest.Set) (func(string) (registry.Keychain, error), error) {
		return func(string) (registry.Keychain, error) { return keys, nil }, nil
	}
	s.write(map[string]string{"web.yaml": written, "policy.yaml": upTo2})
	if err := s.tryLook(); err == nil {
		t.Fatal("a wrong password is no error")
	}
	if f := s.fare(); f.Error == "" || strings.Contains(f.Error, canary) {
		t.Errorf("there is %+v", f)
	}
}

// TestManifestsThatCantBeReadFailAllPolicies.
func TestManifestsThatCantBeReadFailAllPolicies(t *testing.T) {
	s := newScene(t)
	s.push("shop/web", "1.4.2")
	s.write(map[string]string{"web.yaml": written, "policy.yaml": upTo2})
	s.look()
	s.InForce = func() string { return strings.Repeat("0", 40) }
	if err := s.tryLook(); err == nil {
		t.Fatal("a commit that is not there is no error")
	}
	if f := s.fare(); !strings.Contains(f.Error, "read image policies") || !f.Since.Equal(s.now) {
		t.Errorf("there is %+v", f)
	}
}

// TestAPolicyThatSaysSomethingElseBeginsAnew, and one that is gone is not shown.
func TestAPolicyThatSaysSomethingElseBeginsAnew(t *testing.T) {
	s := newScene(t)
	s.push("shop/web", "1.4.2")
	s.write(map[string]string{"web.yaml": written, "policy.yaml": upTo2})
	s.look()
	s.write(map[string]string{"policy.yaml": strings.Replace(upTo2, "<2", "<3", 1)})
	s.Registry = watched{s.Registry, func() {
		if f := s.fare(); !f.Asked.IsZero() {
			t.Errorf("the new one is %+v before it was asked for", f)
		}
	}}
	s.look()
	if err := os.Remove(s.dir + "/fleet/policy.yaml"); err != nil {
		t.Fatal(err)
	}
	s.write(nil)
	s.look()
	if all := s.Fare(); len(all) != 0 {
		t.Errorf("there are still %+v", all)
	}
}
