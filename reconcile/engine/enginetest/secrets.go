package enginetest

import (
	"strings"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// whisper is the secret of these cases.
const whisper = "wh1sper-no-one-may-hear"

func secretKey() model.DigestKey { return model.NewDigestKey([]byte("the suite's key")) }

// secret adds a value to the blobs and gives its digest.
func (s *suite) secret(value string) string {
	digest := secretKey().Digest([]byte(value))
	s.blobs[digest] = []byte(value)
	return digest
}

// secretive is a container with a secret variable and a secret file.
func (s *suite) secretive() (model.Target, model.ContainerSpec) {
	s.Helper()
	spec := s.with("MESSAGE=hello")
	spec.SecretEnv = map[string]model.SecretRef{"TOKEN": {Secret: "db", Key: "token", Digest: s.secret(whisper)}}
	spec.Files = []model.File{{Path: "/token", Mode: 0o400, UID: 7, Digest: s.secret(whisper + "\n"), Secret: "db/file"}}
	t := s.create(spec)
	s.do(model.CopyFiles{Target: t, Files: spec.Files})
	return t, spec
}

// seeWith looks with a key for digests.
func (s *suite) seeWith(t model.Target, key model.DigestKey) *model.ContainerSpec {
	s.Helper()
	state, err := s.Engine.Observe(s.ctx, engine.Query{Owner: s.Owner, DigestKey: key})
	if err != nil {
		s.Fatal(err)
	}
	if strings.Contains(asJSON(state), whisper) {
		s.Errorf("the secret is in what is observed: %s", asJSON(state))
	}
	for i := range state.Containers {
		if c := &state.Containers[i]; c.ID == t.ID && c.Spec != nil {
			return c.Spec
		}
	}
	s.Fatalf("container %q is gone or not inspected", t.Name)
	return nil
}

// keepsSecrets has a program print a secret and end, as many do when they fail.
func (s *suite) keepsSecrets(t model.Target) {
	s.Helper()
	s.do(model.StartContainer{Target: t})
	s.awaitLog(t, whisper)
	s.awaitState(t, model.StateExited)
	kept := s.log(t, engine.LogOptions{Kept: true, Tail: 10})
	if strings.Contains(kept, whisper) || !strings.Contains(kept, "***") || !strings.Contains(kept, "exiting with") {
		s.Errorf("kept is %q, and the whole log %q", kept, s.log(t, engine.LogOptions{}))
	}
}

func secrets() []promise {
	return []promise{
		{"secret values are reported as digests, and never themselves", func(s *suite) {
			t, spec := s.secretive()
			got := s.seeWith(t, secretKey())
			if asJSON(got.SecretEnv) != asJSON(spec.SecretEnv) || asJSON(got.Files) != asJSON(spec.Files) {
				s.Errorf("variables %s, files %s, want %s and %s", asJSON(got.SecretEnv), asJSON(got.Files), asJSON(spec.SecretEnv), asJSON(spec.Files))
			}
			if _, twice := got.Env["TOKEN"]; twice || got.Env["MESSAGE"] != "hello" {
				s.Errorf("plain variables are %s", asJSON(got.Env))
			}
		}},
		{"digests are those of the key that asks", func(s *suite) {
			t, _ := s.secretive()
			other := model.NewDigestKey([]byte("another key"))
			for _, key := range []model.DigestKey{secretKey(), other, {}, secretKey()} {
				got := s.seeWith(t, key)
				if d := got.SecretEnv["TOKEN"].Digest; d != key.Digest([]byte(whisper)) {
					s.Errorf("variable has digest %q", d)
				}
				if len(got.Files) != 1 || got.Files[0].Digest != key.Digest([]byte(whisper+"\n")) {
					s.Errorf("files are %s", asJSON(got.Files))
				}
			}
		}},
		{"a secret variable goes over the image's", func(s *suite) {
			spec := s.spec()
			spec.SecretEnv = map[string]model.SecretRef{"MESSAGE": {Secret: "db", Key: "message", Digest: s.secret(whisper)}}
			t := s.run(spec)
			if got := s.seeWith(t, secretKey()); asJSON(got.SecretEnv) != asJSON(spec.SecretEnv) || got.Env["MESSAGE"] != "" {
				s.Errorf("secret variables %s, plain %s", asJSON(got.SecretEnv), asJSON(got.Env))
			}
			s.awaitLog(t, whisper) // the program itself has the value
		}},
		{"copying secret files twice is copying once, also after the start", func(s *suite) {
			t, spec := s.secretive()
			s.do(model.StartContainer{Target: t})
			s.do(model.CopyFiles{Target: t, Files: spec.Files})
			other := []model.File{spec.Files[0]}
			other[0].Digest = s.secret("another value")
			if err := s.refuses(model.CopyFiles{Target: t, Files: other}, engine.Conflict); strings.Contains(err.Error(), whisper) {
				s.Errorf("the secret is in the error: %v", err)
			}
		}},
	}
}

// secretsThatStayIn are promises about what must not have a secret value in it.
func secretsThatStayIn() []promise {
	return []promise{
		{"a log that is kept has no secret values, and no less else", func(s *suite) {
			spec := s.with("FAIL=exit")
			spec.SecretEnv = map[string]model.SecretRef{"MESSAGE": {Secret: "db", Key: "message", Digest: s.secret(whisper)}}
			s.keepsSecrets(s.create(spec))
		}},
		{"a log that is kept has no secret files' contents", func(s *suite) {
			spec := s.with("FAIL=exit", "MESSAGE="+whisper)
			spec.Files = []model.File{{Path: "/token", Mode: 0o400, Digest: s.secret("first line\n" + whisper + "\n"), Secret: "db/file"}}
			t := s.create(spec)
			s.do(model.CopyFiles{Target: t, Files: spec.Files})
			s.keepsSecrets(t)
		}},
		{"a secret whose value is not at hand is an error", func(s *suite) {
			spec := s.spec()
			spec.SecretEnv = map[string]model.SecretRef{"TOKEN": {Secret: "db", Key: "token", Digest: secretKey().Digest([]byte("never given"))}}
			op := s.creation(spec)
			s.refuses(op, engine.Invalid)
			if s.named(op.Owner.Name) != nil {
				s.Error("a container was made all the same")
			}
		}},
		{"an engine's refusal does not repeat a secret", func(s *suite) {
			spec := s.spec()
			spec.Entrypoint = []string{"/no/such/program"}
			spec.SecretEnv = map[string]model.SecretRef{"TOKEN": {Secret: "db", Key: "token", Digest: s.secret(whisper)}}
			t := s.create(spec)
			err := s.try(model.StartContainer{Target: t})
			if err == nil || strings.Contains(err.Error(), whisper) {
				s.Errorf("the start says %v", err)
			}
			s.seeWith(t, secretKey())
		}},
	}
}
