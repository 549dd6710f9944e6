package reconcile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"

	"github.com/tallyman-io/tallyman/internal/secret"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/report"
)

// opener opens secrets with the keys that the world has at that moment.
func (w *world) opener() Secrets {
	return secret.NewOpener(secret.Keys{Variables: []string{"KEYS"}, LookupEnv: func(string) (string, bool) {
		keys, ok := w.ageKeys.Load().(string)
		return keys, ok
	}})
}

func newKey(t *testing.T) *age.X25519Identity {
	t.Helper()
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// sealed is a value encrypted for a key, in the way of a manifest. Each time it
// is other text.
func sealed(t *testing.T, value string, key *age.X25519Identity) string {
	t.Helper()
	var out bytes.Buffer
	a := armor.NewWriter(&out)
	w, err := age.Encrypt(a, key.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.WriteString(w, value)
	if err := errors.Join(err, w.Close(), a.Close()); err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(strings.TrimSpace(out.String()), "\n", "\n      ")
}

// secretive is a commit with a web that uses a secret, and one that does not.
func secretive(t *testing.T, key *age.X25519Identity, url, file string, image string) fstest.MapFS {
	t.Helper()
	return tree(map[string]string{
		"hosts.yaml": hostManifests(2),
		"db.yaml": fmt.Sprintf("apiVersion: tallyman/v1\nkind: Secret\nmetadata: {name: db}\nspec:\n  age:\n    url: |\n      %s\n    key: |\n      %s\n",
			sealed(t, url, key), sealed(t, file, key)),
		"web.yaml": serviceManifest("web", image, 2,
			"environment: {URL: {secret: db, key: url}}", "files: [{secret: db, key: key, path: /key}]"),
		"other.yaml": serviceManifest("other", "web:1", 1),
	})
}

// ids are the ids of a service's containers.
func (w *world) ids(service string) string {
	var ids []string
	for _, c := range w.containers(service) {
		ids = append(ids, c.ID)
	}
	return fmt.Sprint(ids)
}

func TestAnotherValueRollsItsUsersAndTheSameOneDoesNot(t *testing.T) {
	simulate(t, 2, func(w *world) {
		key := newKey(t)
		w.ageKeys.Store(key.String())
		w.branch.commit(secretive(t, key, "hush-1", "hush-2", "web:1"))
		w.converge()
		web, other := w.ids("web"), w.ids("other")
		for name, same := range map[string]func(){
			"encrypting the same values anew": func() { w.branch.commit(secretive(t, key, "hush-1", "hush-2", "web:1")) },
			"the loss of the journal":         func() { w.stop(); w.journal.memory = Memory{}; w.start() },
			"another key below the first":     func() { w.ageKeys.Store(key.String() + "\n" + newKey(t).String()); w.stop(); w.start() },
		} {
			same()
			w.converge()
			after(10 * time.Minute)
			if got := w.ids("web"); got != web {
				t.Fatalf("%s replaces the containers: %s, then %s\n%s", name, web, got, w.lastEvents())
			}
		}
		for what, tree := range map[string]fstest.MapFS{
			"a variable": secretive(t, key, "hush-3", "hush-2", "web:1"), "a file": secretive(t, key, "hush-3", "hush-4", "web:1"),
		} {
			w.branch.commit(tree)
			w.converge()
			got := w.ids("web")
			if got == web {
				t.Errorf("another value of %s replaces nothing", what)
			}
			web = got
		}
		if got := w.ids("other"); got != other {
			t.Errorf("what uses no secret was replaced: %s, then %s", other, got)
		}
		w.silent("hush-")
	})
}

// silent wants no value in what the controller tells and keeps.
func (w *world) silent(value string) {
	w.t.Helper()
	w.journal.mu.Lock()
	defer w.journal.mu.Unlock()
	for what, v := range map[string]any{
		"status": w.running.Status(), "plan": w.running.Plan(), "journal": w.journal.memory, "events": w.journal.events,
		"live state": w.sim.Live(),
	} {
		data, err := json.Marshal(v)
		if err != nil {
			w.t.Fatal(err)
		}
		if bytes.Contains(data, []byte(value)) {
			w.t.Errorf("a secret is in the %s: %s", what, data)
		}
	}
}

// TestWithoutTheKeyACommitIsRefusedWhole: nothing of it is begun, what runs
// keeps running and is healed with its old values, and the key alone cures it.
func TestWithoutTheKeyACommitIsRefusedWhole(t *testing.T) {
	simulate(t, 2, func(w *world) {
		key, next := newKey(t), newKey(t)
		w.ageKeys.Store(key.String())
		w.branch.commit(secretive(t, key, "hush-1", "hush-2", "web:1"))
		w.converge()
		web := w.ids("web")
		w.branch.commit(secretive(t, next, "hush-3", "hush-4", "web:2"))
		s := w.reach("refusal", func(s report.Status) bool { return s.SourceError != "" })
		for _, want := range []string{"db.yaml", `secret "db"`, key.Recipient().String()} {
			if !strings.Contains(s.SourceError, want) {
				t.Errorf("the refusal %q does not name %s", s.SourceError, want)
			}
		}
		after(10 * time.Minute)
		if got := w.ids("web"); got != web {
			t.Fatalf("a refused commit replaces %s with %s", web, got)
		}
		gone := w.containers("web")[0]
		if err := w.hosts[gone.Host].RemoveContainer(gone.ID); err != nil {
			t.Fatal(err)
		}
		after(10 * time.Minute)
		if got := w.containers("web"); len(got) != 2 || got[0].Spec.SecretEnv["URL"] != got[1].Spec.SecretEnv["URL"] {
			t.Errorf("it was not healed with the old values: %+v", got)
		}
		w.ageKeys.Store(key.String() + "\n" + next.String())
		w.branch.fail("") // the next look at the repository
		w.converge()
		for _, c := range w.containers("web") {
			if c.Spec.Image != "web:2" {
				t.Errorf("with the key there, %s still runs %s", c.Name, c.Spec.Image)
			}
		}
		w.silent("hush-")
	})
}

// TestAValueChangedByHandIsPutRight: what counts is what the container has, and
// not what its label says.
func TestAValueChangedByHandIsPutRight(t *testing.T) {
	simulate(t, 2, func(w *world) {
		key := newKey(t)
		w.ageKeys.Store(key.String())
		w.branch.commit(secretive(t, key, "hush-1", "hush-2", "web:1"))
		w.converge()
		for name, change := range map[string]func(*model.ContainerSpec){
			"variable": func(s *model.ContainerSpec) {
				s.SecretEnv = map[string]model.SecretRef{"URL": {Secret: "db", Key: "url", Digest: "what is not known"}}
			},
			"file": func(s *model.ContainerSpec) {
				f := s.Files[0]
				f.Digest = "what is not known"
				s.Files = []model.File{f}
			},
		} {
			changed := w.containers("web")[0]
			if err := w.hosts[changed.Host].ChangeSpec(changed.ID, change); err != nil {
				t.Fatal(err)
			}
			after(10 * time.Minute)
			w.converge()
			if strings.Contains(w.ids("web"), changed.ID) {
				t.Errorf("the container with another %s is left as it is", name)
			}
		}
	})
}

// TestAFailedCommitGoesBackToItsValues also where the commit that failed has
// no secrets any more.
func TestAFailedCommitGoesBackToItsValues(t *testing.T) {
	for name, bad := range map[string]func(t *testing.T, key *age.X25519Identity) fstest.MapFS{
		"another value": func(t *testing.T, key *age.X25519Identity) fstest.MapFS {
			files := secretive(t, key, "hush-3", "hush-4", "web:2")
			files["web.yaml"].Data = bytes.Replace(files["web.yaml"].Data, []byte("environment: {"), []byte("environment: {FAIL: exit, "), 1)
			return files
		},
		"no secret": func(*testing.T, *age.X25519Identity) fstest.MapFS {
			return tree(map[string]string{"hosts.yaml": hostManifests(2), "web.yaml": serviceManifest("web", "web:2", 2, broken)})
		},
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, 2, func(w *world) {
				key := newKey(t)
				w.ageKeys.Store(key.String())
				w.branch.commit(secretive(t, key, "hush-1", "hush-2", "web:1"))
				w.converge()
				good := w.containers("web")[0].Spec
				w.branch.commit(bad(t, key))
				after(10 * time.Minute)
				gone := w.containers("web")[0]
				if err := w.hosts[gone.Host].RemoveContainer(gone.ID); err != nil {
					t.Fatal(err)
				}
				after(10 * time.Minute)
				if n := w.healthy("web", "web:1"); n != 2 {
					t.Errorf("%d of 2 replicas run as before:\n%s\n%s", n, w.describe(), w.lastEvents())
				}
				for _, c := range w.containers("web") {
					if c.Spec.SecretEnv["URL"] != good.SecretEnv["URL"] || fmt.Sprint(c.Spec.Files) != fmt.Sprint(good.Files) {
						t.Errorf("%s has not the values of before: %v %v", c.Name, c.Spec.SecretEnv, c.Spec.Files)
					}
				}
				ids := w.ids("web")
				after(time.Hour)
				if got := w.ids("web"); got != ids {
					t.Errorf("held containers are replaced: %s, then %s", ids, got)
				}
				w.silent("hush-")
			})
		})
	}
}

// TestASecretInTheLastWords: a program that fails prints what it was given, as
// many do, and its last words are kept and told.
func TestASecretInTheLastWords(t *testing.T) {
	simulate(t, 2, func(w *world) {
		key := newKey(t)
		w.ageKeys.Store(key.String())
		files := secretive(t, key, "hush-canary-1", "hush-canary-2", "web:1")
		files["web.yaml"].Data = []byte(serviceManifest("web", "web:1", 1, "environment: {FAIL: exit, MESSAGE: {secret: db, key: url}}"))
		w.branch.commit(files)
		after(10 * time.Minute)
		told := false
		for _, e := range w.journal.events {
			told = told || strings.Contains(e.Text, "***")
			if strings.Contains(e.Text, "hush-canary") {
				t.Errorf("event: %s", e.Text)
			}
		}
		for app, r := range w.journal.memory.Records {
			if strings.Contains(r.Log, "hush-canary") {
				t.Errorf("journal's record of %s: %s", app, r.Log)
			}
		}
		if !told {
			t.Error("the last words are not told at all")
		}
	})
}
