package model

import (
	"slices"
	"strings"
	"testing"
)

func TestReferencesWithADigest(t *testing.T) {
	digest := "sha256:" + strings.Repeat("7f3a", 16)
	for ref, want := range map[string]struct{ declared, digest, short string }{
		"web":                           {"web", "", "web"},
		"web:1.4":                       {"web:1.4", "", "web:1.4"},
		"web@" + digest:                 {"web", digest, "web@7f3a7f3a7f3a"},
		"web:1.4@" + digest:             {"web:1.4", digest, "web:1.4@7f3a7f3a7f3a"},
		"host:5000/a/web:1.4@" + digest: {"host:5000/a/web:1.4", digest, "host:5000/a/web:1.4@7f3a7f3a7f3a"},
		"web@sha256:7f":                 {"web", "sha256:7f", "web@7f"},
		"web@oddity":                    {"web", "oddity", "web@oddity"},
	} {
		declared, digest := SplitDigest(ref)
		if declared != want.declared || digest != want.digest || ShortImage(ref) != want.short {
			t.Errorf("%s: %q and %q, short %q", ref, declared, digest, ShortImage(ref))
		}
		if digest != "" && WithDigest(declared, digest) != ref {
			t.Errorf("%s: put together again %s", ref, WithDigest(declared, digest))
		}
	}
}

func TestAnotherDigestIsAnotherFingerprint(t *testing.T) {
	a := Fingerprint(ContainerSpec{Image: WithDigest("web:1", "sha256:aa")})
	if b := Fingerprint(ContainerSpec{Image: WithDigest("web:1", "sha256:bb")}); a == b {
		t.Error("the digest is no part of the fingerprint")
	}
}

// TestWhatHasNoDigestIsTold apart from what has: with pull never no registry is asked.
func TestWhatHasNoDigestIsTold(t *testing.T) {
	var app App
	for _, image := range []string{"own:2", "web:1@sha256:" + strings.Repeat("a", 64), "own:1", "own:2"} {
		s := Service{}
		s.Container.Image = image
		app.Services = append(app.Services, s)
	}
	if got := app.Undigested(); !slices.Equal(got, []string{"own:1", "own:2"}) {
		t.Errorf("without a digest are %v", got)
	}
}
