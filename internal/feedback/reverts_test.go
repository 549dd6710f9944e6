package feedback

import (
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/git"
	"github.com/tallyman-io/tallyman/internal/edit"
	"github.com/tallyman-io/tallyman/internal/forge"
	"github.com/tallyman-io/tallyman/internal/forge/forgetest"
	"github.com/tallyman-io/tallyman/internal/signature"
	"github.com/tallyman-io/tallyman/internal/state"
	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/report"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// scene is a repository in which app shop has gone from good to bad, which failed.
type scene struct {
	t         *testing.T
	dir       string
	good, bad string
	stage     forgetest.Stage // nil pushes to the branch itself
	journal   *state.Store
	at        now
	repo      *git.Repository
}

func newScene(t *testing.T, stage forgetest.Stage) *scene {
	s := &scene{t: t, dir: t.TempDir(), stage: stage}
	s.git("init", "-q", "-b", "main")
	s.good = s.commit("Sell things", "web:1")
	s.bad = s.commit(`Sell "more" things`, "web:2")
	var err error
	if s.repo, err = git.Open(git.Config{URL: s.dir, Branch: "main", Dir: t.TempDir()}); err == nil {
		s.journal, err = state.Open(t.TempDir(), slog.New(slog.DiscardHandler))
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.journal.Close() })
	s.held(s.bad, s.good)
	if stage != nil {
		stage.Branch("tallyman/revert-shop-"+s.bad[:8], nil) // that server has no Git behind it
	}
	return s
}

func (s *scene) git(args ...string) string {
	s.t.Helper()
	out, err := exec.Command("git", append([]string{"-C", s.dir, "-c", "user.name=Ada", "-c", "user.email=ada@example.org"}, args...)...).CombinedOutput()
	if err != nil {
		s.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func (s *scene) commit(message, image string) string {
	s.t.Helper()
	for file, text := range map[string]string{
		"shop/app.yaml": "apiVersion: tallyman/v1\nkind: App\nmetadata: {name: shop}\nspec: {onFailure: revert}\n",
		"shop/web.yaml": "apiVersion: tallyman/v1\nkind: Service\nmetadata: {name: web}\nspec: {image: \"" + image + "\"}\n",
		"notes":         message,
	} {
		if err := os.MkdirAll(filepath.Join(s.dir, "shop"), 0o755); err != nil {
			s.t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(s.dir, file), []byte(text), 0o644); err != nil {
			s.t.Fatal(err)
		}
	}
	s.git("add", "-A")
	s.git("commit", "-q", "--allow-empty", "-m", message)
	return s.git("rev-parse", "HEAD")
}

// held has the controller find, at the branch's head, that the app went back.
func (s *scene) held(failed, to string) *rollout.Hold {
	head := s.git("rev-parse", "main")
	hold := &rollout.Hold{
		Revision: failed, Subject: s.git("log", "-1", "--format=%s", failed), To: to, Revert: true, Since: time.Unix(1, 0),
		Reason: "web-1 exited with code 3\nTallyman-App: forged\x1b[31m",
	}
	s.at.status = at(head, report.App{Phase: rollout.Complete, Hold: hold, Held: &model.Held{Kind: model.HeldRollback, Revision: head}})
	return hold
}

func (s *scene) reverts() *Reverts {
	s.t.Helper()
	v := &Reverts{
		Controller: &s.at, Journal: s.journal, Branch: "main", Log: slog.New(slog.DiscardHandler),
		Signers: func() (signature.Signers, error) { return signature.Signers{}, nil },
		Edit:    edit.Rollback{Repository: s.repo, Loader: manifest.NewLoader(manifest.Options{}), Path: ".", By: git.Signature{Name: "Tallyman", Email: "tallyman"}},
	}
	if s.stage != nil {
		f, err := forge.Open(s.stage.Config())
		if err != nil {
			s.t.Fatal(err)
		}
		v.Forge = f
	}
	return v
}

func (s *scene) update() {
	s.t.Helper()
	if err := s.reverts().Update(s.t.Context(), s.at.Status()); err != nil {
		s.t.Fatal(err)
	}
}

// pulls are the pull requests that are open.
func (s *scene) pulls() []forge.PullRequest {
	s.t.Helper()
	list, err := s.reverts().Forge.PullRequests(s.t.Context(), "main")
	if err != nil {
		s.t.Fatal(err)
	}
	return list
}

func (s *scene) branches() string { return s.git("branch", "--list", "--format=%(refname:short)") }

// TestAPullRequestRevertsWhatFailed is opened once for each time that an app goes
// back, also by a controller that was killed before it had noted it.
func TestAPullRequestRevertsWhatFailed(t *testing.T) {
	s := newScene(t, forgetest.GitHub(t))
	s.update()
	branch := "tallyman/revert-shop-" + s.bad[:8]
	list := s.pulls()
	if len(list) != 1 || list[0].HeadBranch != branch || list[0].Title != `Revert "Sell "more" things" for app shop` {
		t.Fatalf("pull requests %+v", list)
	}
	if s.git("rev-parse", branch+"~1") != s.bad || s.git("rev-parse", branch+":shop") != s.git("rev-parse", s.good+":shop") || s.git("rev-parse", "main") != s.bad {
		t.Error("the branch is not the failed commit with the app's folder of then on top")
	}
	if got := s.git("diff", "--name-only", s.bad, branch); got != "shop/web.yaml" {
		t.Errorf("changes %s", got)
	}
	if got := s.git("log", "-1", "--format=%s|%(trailers:only,separator=%x2C)", branch); got != `Revert "Sell "more" things"|Tallyman-App: shop,Tallyman-Reverts: `+s.bad {
		t.Errorf("the message says %q", got)
	}
	if err := s.journal.Unrevert("shop"); err != nil {
		t.Fatal(err)
	}
	s.update()
	if len(s.pulls()) != 1 {
		t.Errorf("opened again: %+v", s.pulls())
	}
	s.stage.Close(list[0].Number)
	s.update()
	if len(s.pulls()) != 0 {
		t.Error("what a person closed was opened again")
	}
	s.at.status.Apps[0].Hold.Since = time.Unix(2, 0) // tried again, and failed again
	s.update()
	if len(s.pulls()) != 1 {
		t.Error("not opened for another try that failed")
	}
}

// TestARevertThatNoSignerSignedSaysSo, in the log and where it is asked for, before
// anybody merges what will be held back; and not where nobody asks for signatures.
func TestARevertThatNoSignerSignedSaysSo(t *testing.T) {
	for _, asked := range []bool{true, false} {
		for _, stage := range []forgetest.Stage{forgetest.GitHub(t), nil} {
			s := newScene(t, stage)
			fleet := "apiVersion: tallyman/v1\nkind: Fleet\nmetadata: {name: fleet}\nspec: {verify: {signers: [\"ada@example.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0mXn7l5p6c2Ww0xjJmXo0oIu5rIFmGq4uQ3nD3v1Qk\"]}}\n"
			if !asked {
				fleet = "apiVersion: tallyman/v1\nkind: Fleet\nmetadata: {name: fleet}\nspec: {}\n"
			}
			if err := os.WriteFile(filepath.Join(s.dir, "fleet.yaml"), []byte(fleet), 0o644); err != nil {
				t.Fatal(err)
			}
			s.git("add", "-A")
			s.git("commit", "-q", "-m", "Say who signs")
			s.held(s.bad, s.good)
			v := s.reverts()
			var log strings.Builder
			v.Log = slog.New(slog.NewTextHandler(&log, nil))
			if err := v.Update(t.Context(), v.Controller.Status()); err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(log.String(), "is not signed"); got != asked {
				t.Errorf("asked for: %t, the log says so: %t\n%s", asked, got, log.String())
			}
		}
	}
	a := report.App{Name: "shop", Hold: &rollout.Hold{Revision: "b", To: "a"}}
	if body := revertBody(&a, "nobody\nsigned it"); !strings.Contains(body, "`verify` will hold this back") || !strings.Contains(body, "    nobody signed it\n") {
		t.Errorf("the pull request says %s", body)
	}
	if body := revertBody(&a, ""); strings.Contains(body, "verify") {
		t.Errorf("the pull request says %s", body)
	}
}

// TestAPullRequestThatIsLeftBehindSaysSo, once, to whoever might merge it later.
func TestAPullRequestThatIsLeftBehindSaysSo(t *testing.T) {
	s := newScene(t, forgetest.GitHub(t))
	s.update()
	fix := s.commit("Mend it", "web:3")
	s.at.status = at(fix, report.App{Phase: rollout.Complete, Revision: fix})
	s.at.status.Undecided = "is being read"
	s.update()
	if n := len(s.stage.Comments(1)); n != 0 {
		t.Errorf("%d comments before anything is known", n)
	}
	s.at.status.Undecided = ""
	s.update()
	s.update()
	if list := s.stage.Comments(1); len(list) != 1 || !strings.Contains(list[0].Body, "no longer held back") {
		t.Errorf("comments %+v", list)
	}
}

// TestNothingIsReverted that is not what failed on top of what it failed at.
func TestNothingIsReverted(t *testing.T) {
	for name, change := range map[string]func(*scene, *report.Status){
		"of an app that does not ask for it": func(_ *scene, st *report.Status) { st.Apps[0].Hold.Revert = false },
		"when the branch has moved on":       func(s *scene, _ *report.Status) { s.commit("Mend it", "web:3") },
		"before the head is judged":          func(_ *scene, st *report.Status) { st.Effective.ID = st.Apps[0].Hold.To },
		"while another rendering waits":      func(_ *scene, st *report.Status) { st.Apps[0].Held.Waits = "outside of the sync windows" },
		"of an app that somebody pinned":     func(_ *scene, st *report.Status) { st.Apps[0].Held.Kind = model.HeldPin },
		"where the files are those of then":  func(s *scene, _ *report.Status) { s.held(s.commit("Elsewhere", "web:1"), s.good) },
	} {
		t.Run(name, func(t *testing.T) {
			for _, stage := range []forgetest.Stage{nil, forgetest.GitHub(t)} {
				s := newScene(t, stage)
				change(s, &s.at.status)
				before := s.git("rev-parse", "main")
				s.update()
				s.update()
				if s.branches() != "main" || s.git("rev-parse", "main") != before {
					t.Errorf("branches %s, main is at %s", s.branches(), s.git("log", "-1", "--format=%s", "main"))
				}
				if stage != nil && len(s.pulls()) != 0 {
					t.Errorf("pull requests %+v", s.pulls())
				}
			}
		})
	}
}

// TestAPushedRevertIsTheLastWord: it is one commit, and when it fails as well,
// whatever it is to go back to, nothing more is committed.
func TestAPushedRevertIsTheLastWord(t *testing.T) {
	s := newScene(t, nil)
	s.update()
	revert := s.git("rev-parse", "main")
	if s.git("rev-parse", "main~1") != s.bad || s.git("rev-parse", "main:shop") != s.git("rev-parse", s.good+":shop") || s.branches() != "main" {
		t.Fatalf("main is at %s, branches %s", s.git("log", "-1", "--format=%s", "main"), s.branches())
	}
	s.update() // the controller has not looked since
	for i, to := range []string{s.good, s.bad} {
		s.held(revert, to).Since = time.Unix(int64(2+i), 0)
		s.update()
		if got := s.git("rev-parse", "main"); got != revert {
			t.Errorf("a revert that failed was reverted: %s", s.git("log", "-1", "--format=%s", "main"))
		}
	}
}

// TestWhatWasDoneIsToldToWhoeverAsks: where the pull request is, which commit was
// pushed, or why nothing could be done, until it was.
func TestWhatWasDoneIsToldToWhoeverAsks(t *testing.T) {
	s := newScene(t, forgetest.GitHub(t))
	v := s.reverts()
	told := func() *report.App {
		t.Helper()
		_ = v.Update(t.Context(), v.Controller.Status()) // what fails is what is told
		status := s.at.status
		status.Apps = append([]report.App{}, status.Apps...)
		status.Apps[0].Reason = "held"
		status.TellReverts(v.Fare())
		return &status.Apps[0]
	}
	if all := v.Fare(); len(all) != 0 {
		t.Errorf("before anything was done there is %+v", all)
	}
	open := v.Forge
	config := s.stage.Config()
	config.Repository = forgetest.Owner + "/nowhere"
	var err error
	if v.Forge, err = forge.Open(config); err != nil {
		t.Fatal(err)
	}
	if a := told(); a.Reverted == nil || a.Reverted.Error == "" || !strings.HasPrefix(a.Reason, "held; can't be reverted in Git, which is tried again: revert commit "+s.bad[:12]) {
		t.Errorf("while the forge has no such repository: %+v, %q", a.Reverted, a.Reason)
	}
	v.Forge = open
	for range 2 { // done, and read back
		url := s.stage.Config().URL + "/" + forgetest.Owner + "/shop/pull/1"
		if a := told(); a.Reverted == nil || a.Reverted.URL != url || a.Reverted.Error != "" || a.Reason != "held; pull request 1 asks to revert it: "+url {
			t.Errorf("once it was opened: %+v, %q", a.Reverted, a.Reason)
		}
		v = s.reverts()
	}
	s.at.status.Apps[0].Hold.Since = time.Unix(2, 0)
	s.at.status.Undecided = "is being read"
	if a := told(); a.Reverted != nil {
		t.Errorf("of another time that it failed: %+v", a.Reverted)
	}
	s = newScene(t, nil)
	v = s.reverts()
	if a := told(); a.Reverted == nil || a.Reverted.Commit != s.git("rev-parse", "main") || a.Reason != "held; reverted in Git by "+a.Reverted.Commit[:8] {
		t.Errorf("once it was pushed: %+v, %q", a.Reverted, a.Reason)
	}
}
