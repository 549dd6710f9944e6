package docker

import (
	"testing"

	"github.com/docker/docker/api/types/container"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// A program or an engine that repeats a value does so in texts that go into
// reports: health checks' output and errors.
func TestValuesAreTakenOutOfWhatIsReported(t *testing.T) {
	label := "env SHORT db/short\nenv TOKEN db/token\nfile /key db/key"
	for text, want := range map[string]string{
		"":                                   "",
		"no route to db":                     "no route to db",
		"bad token t0psecret!":               "bad token ***",
		"line 2: aGVsbG8gd29ybGQ= is no key": "line 2: *** is no key",
		"begin\naGVsbG8gd29ybGQ=\nend\n":     "***",
		"ab is short":                        "ab is short", // taking it out would spoil every other word
	} {
		h := hiddenIn(&container.InspectResponse{Config: &container.Config{Labels: map[string]string{model.LabelSecrets: label}}}, model.DigestKey{})
		h.digest("/key", []byte("begin\naGVsbG8gd29ybGQ=\nend\n"))
		c := model.Container{HealthOutput: text, Error: text, Spec: &model.ContainerSpec{Env: map[string]string{"TOKEN": "t0psecret!", "SHORT": "ab", "PLAIN": "plain"}}}
		h.hide(&c)
		if c.HealthOutput != want || c.Error != want {
			t.Errorf("%q is reported as %q and %q, want %q", text, c.HealthOutput, c.Error, want)
		}
		if len(c.Spec.Env) != 1 || c.Spec.Env["PLAIN"] != "plain" || len(c.Spec.SecretEnv) != 2 {
			t.Errorf("variables %v and %v", c.Spec.Env, c.Spec.SecretEnv)
		}
	}
}

func TestAFileIsPlainUnlessTheLabelNamesIt(t *testing.T) {
	h := hiddenIn(&container.InspectResponse{Config: &container.Config{Labels: map[string]string{model.LabelSecrets: "file /key db/key"}}}, model.NewDigestKey([]byte("k")))
	if digest, from := h.digest("/plain", []byte("x")); digest != model.Digest([]byte("x")) || from != "" {
		t.Errorf("plain file: %q from %q", digest, from)
	}
	if digest, from := h.digest("/key", []byte("x")); digest != model.NewDigestKey([]byte("k")).Digest([]byte("x")) || from != "db/key" {
		t.Errorf("secret file: %q from %q", digest, from)
	}
}
