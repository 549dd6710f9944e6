package images

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/random"

	"github.com/tallyman-io/tallyman/internal/forge"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

const written = `# the front
apiVersion: tallyman/v1
kind: Service
metadata: {name: web}
spec:
    replicas: 2   # enough
    image:   "REG/shop/web:1.4.2"   # bumped by a policy
---
apiVersion: tallyman/v1
kind: Service
metadata: {name: worker}
spec: {command: [work], image: REG/shop/web:1.4.2, replicas: 1} # the same
---

apiVersion: tallyman/v1
kind: Service
metadata: {name: db}
spec: {image: 'REG/shop/db:17'}
`

func following(name, image, spec string) string {
	return "apiVersion: tallyman/v1\nkind: ImagePolicy\nmetadata: {name: " + name + "}\nspec:\n  image: REG/" + image + "\n  " + spec + "\n"
}

var upTo2 = following("web", "shop/web", `follow: {semver: ">=1.4 <2"}`)

func TestANewerImageIsCommittedAndAllElseStaysAsItIs(t *testing.T) {
	s := newScene(t)
	s.push("shop/web", "1.4.2", "1.5.0", "1.10.0", "2.0.0", "latest", "1.11.0-rc.1")
	s.push("shop/db", "17", "18")
	s.write(map[string]string{"web.yaml": written, "policy.yaml": upTo2})
	s.look()
	want := strings.ReplaceAll(s.here(written), "shop/web:1.4.2", "shop/web:1.10.0")
	if got := s.read("web.yaml"); got != want {
		t.Errorf("it wrote\n%s\nand not\n%s", got, want)
	}
	message := s.git("log", "-1", "--format=%an%n%B")
	for _, part := range []string{
		"Tallyman\nBump REG/shop/web to 1.10.0\n", "default/web:\n  from REG/shop/web:1.4.2\n  to REG/shop/web:1.10.0\n",
		"default/worker:\n", "\n\nTallyman-Image: web REG/shop/web:1.10.0",
	} {
		if !strings.Contains(message, s.here(part)) {
			t.Errorf("the message does not say %q:\n%s", s.here(part), message)
		}
	}
	if changed := s.git("diff", "--name-only", "HEAD~1"); changed != "fleet/web.yaml" {
		t.Errorf("it changed %s", changed)
	}
	s.still("nothing is newer")
}

func TestOneCommitForAllPolicies(t *testing.T) {
	s := newScene(t)
	s.push("shop/web", "1.4.2", "1.5.0")
	s.push("shop/db", "17", "18")
	s.write(map[string]string{"web.yaml": written, "policy.yaml": upTo2 + "---\n" + following("db", "shop/db", `follow: {pattern: "^[0-9]+$"}`)})
	before := s.git("rev-parse", "HEAD")
	s.look()
	if n := s.git("rev-list", "--count", before+"..HEAD"); n != "1" {
		t.Errorf("it made %s commits", n)
	}
	got := s.read("web.yaml")
	if strings.Count(got, "web:1.5.0") != 2 || !strings.Contains(got, s.here("image: 'REG/shop/db:18'")) {
		t.Errorf("it wrote\n%s", got)
	}
	if subject := s.git("log", "-1", "--format=%s"); subject != "Bump 2 images" {
		t.Errorf("it says %q", subject)
	}
}

func TestARevertedVersionIsNotBroughtAgain(t *testing.T) {
	s := newScene(t)
	s.push("shop/web", "1.4.2", "1.5.0")
	s.write(map[string]string{"web.yaml": written, "policy.yaml": upTo2})
	s.look()
	s.git("revert", "--no-edit", "HEAD")
	s.still("it was reverted")
	s.push("shop/web", "1.4.9")
	s.still("what is older than the reverted one")
	s.push("shop/web", "1.5.1")
	s.look()
	if got := s.read("web.yaml"); strings.Count(got, "web:1.5.1") != 2 {
		t.Errorf("a newer one was not brought:\n%s", got)
	}
}

// TestAVersionThatFailedIsNotBroughtAgain also where a person had committed it, and
// only where no rollout ever succeeded with it.
func TestAVersionThatFailedIsNotBroughtAgain(t *testing.T) {
	s := newScene(t)
	s.push("shop/web", "1.4.2", "1.5.0", "1.4.7")
	s.write(map[string]string{"web.yaml": written, "policy.yaml": upTo2})
	record := func(minute int, tag string, phase rollout.Phase) {
		r := rollout.Record{
			App: "default", Revision: "r" + tag, StartedAt: s.now.Add(time.Duration(minute) * time.Minute), Phase: phase,
			Images: map[string]string{s.reg.Ref("shop/web:" + tag): "sha256:" + tag},
		}
		if err := s.journal.Record(r, rollout.Standing{}); err != nil {
			t.Fatal(err)
		}
	}
	record(1, "1.5.0", rollout.Failed)
	record(2, "1.4.2", rollout.Complete)
	s.still("it failed")
	record(3, "1.5.0", rollout.Complete)
	s.look()
	if got := s.read("web.yaml"); strings.Count(got, "web:1.5.0") != 2 {
		t.Errorf("what succeeded in the end was not brought:\n%s", got)
	}
}

func TestTheDigestOfATagIsFollowed(t *testing.T) {
	s := newScene(t)
	first := s.push("shop/web", "stable")
	s.write(map[string]string{"web.yaml": written, "policy.yaml": following("web", "shop/web", "follow: {digestOf: stable}\n  services: [web]")})
	s.look()
	pinned := func(digest string) string { return s.here(`"REG/shop/web:stable@` + digest + `"   # bumped`) }
	if got := s.read("web.yaml"); !strings.Contains(got, pinned(first)) || !strings.Contains(got, "web:1.4.2, replicas") {
		t.Errorf("it wrote\n%s", got)
	}
	s.still("the tag has not moved")
	second := s.push("shop/web", "stable")
	s.look()
	if got := s.read("web.yaml"); !strings.Contains(got, pinned(second)) {
		t.Errorf("the tag has moved, and it says\n%s", got)
	}
	s.git("revert", "--no-edit", "HEAD")
	s.still("it was reverted")
	third := s.push("shop/web", "stable")
	s.look()
	if got := s.read("web.yaml"); !strings.Contains(got, pinned(third)) {
		t.Errorf("the tag has moved on, and it says\n%s", got)
	}
}

// TestATagMayGoBackToADigest where whoever publishes it says so, and not a revert.
func TestATagMayGoBackToADigest(t *testing.T) {
	s := newScene(t)
	one, err := random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	first := s.pushOf(one, "shop/web", "stable")
	s.write(map[string]string{"web.yaml": written, "policy.yaml": following("web", "shop/web", "follow: {digestOf: stable}")})
	s.look()
	s.push("shop/web", "stable")
	s.look()
	s.pushOf(one, "shop/web", "stable")
	s.look()
	if got := s.read("web.yaml"); strings.Count(got, "web:stable@"+first) != 2 {
		t.Errorf("the tag went back, and it says\n%s", got)
	}
}

func TestWhatWasPinnedStaysPinned(t *testing.T) {
	s := newScene(t)
	old, next := s.push("shop/web", "1.4.2"), s.push("shop/web", "1.5.0")
	s.write(map[string]string{"web.yaml": strings.ReplaceAll(written, "web:1.4.2", "web:1.4.2@"+old), "policy.yaml": upTo2})
	s.look()
	if got := s.read("web.yaml"); strings.Count(got, "web:1.5.0@"+next) != 2 {
		t.Errorf("it wrote\n%s", got)
	}
}

func TestOnlyServicesOfTheAppAreChanged(t *testing.T) {
	s := newScene(t)
	s.push("shop/web", "1.4.2", "1.5.0")
	app := "apiVersion: tallyman/v1\nkind: App\nmetadata: {name: NAME}\nspec: {}\n---\n"
	one := "apiVersion: tallyman/v1\nkind: Service\nmetadata: {name: NAME-web}\nspec: {image: \"REG/shop/web:1.4.2\"}\n"
	s.write(map[string]string{
		"prod/all.yaml": strings.ReplaceAll(app+one, "NAME", "prod"), "test/all.yaml": strings.ReplaceAll(app+one, "NAME", "test"),
		"test/policy.yaml": upTo2,
	})
	s.look()
	if changed := s.git("diff", "--name-only", "HEAD~1"); changed != "fleet/test/all.yaml" {
		t.Errorf("it changed %s", changed)
	}
}

func TestWhatOnlyPeopleCanEditIsSaidAndKeepsNothingBack(t *testing.T) {
	s := newScene(t)
	s.push("shop/web", "1.4.2", "1.5.0")
	s.write(map[string]string{
		"web.yaml": strings.Replace(written, `  "REG/shop/web:1.4.2"`, "\n        REG/shop/web:1.4.2", 1), "policy.yaml": upTo2,
		"anchor.yaml": "apiVersion: tallyman/v1\nkind: Service\nmetadata: {name: anchored}\nspec: {image: &it REG/shop/web:1.4.2, labels: {from: *it}}\n",
	})
	err := s.tryLook()
	if err == nil || !strings.Contains(err.Error(), `edit image of service "anchored" in anchor.yaml`) || !strings.Contains(err.Error(), "into it by hand") {
		t.Errorf("it says %v", err)
	}
	if got := s.read("web.yaml"); strings.Count(got, "web:1.5.0") != 2 {
		t.Errorf("the others were not brought:\n%s", got)
	}
	if f := s.fare(); !strings.Contains(f.Error, `edit image of service "anchored"`) {
		t.Errorf("whoever asks is told %+v", f)
	}
}

func TestNothingIsBuiltOnWhatIsNotInForce(t *testing.T) {
	s := newScene(t)
	s.push("shop/web", "1.4.2", "1.5.0")
	s.write(map[string]string{"web.yaml": written, "policy.yaml": upTo2})
	s.refused = true
	s.still("the branch is refused")
	s.refused = false
	old := s.inForce()
	s.InForce = func() string { return old }
	s.write(map[string]string{"web.yaml": strings.Replace(written, "enough", "more", 1)})
	s.still("the branch has moved")
	s.InForce = s.inForce
	if err := s.Look(t.Context(), s.now); err != nil { // at once
		t.Fatal(err)
	}
	if got := s.read("web.yaml"); strings.Count(got, "web:1.5.0") != 2 || !strings.Contains(got, "more") {
		t.Errorf("it wrote\n%s", got)
	}
}

func TestARegistryThatIsAwayIsAskedLessAndLessOften(t *testing.T) {
	s := newScene(t)
	s.push("shop/web", "1.4.2", "1.5.0")
	s.write(map[string]string{"web.yaml": written, "policy.yaml": strings.Replace(upTo2, "follow", "interval: 30s\n  follow", 1)})
	s.reg.Stop()
	start, failures := s.now, 0
	for second := 0; second < 30*60; second += 15 {
		if err := s.Look(t.Context(), start.Add(time.Duration(second)*time.Second)); err != nil {
			failures++
		}
	}
	if failures < 3 || failures > 7 { // and not 60
		t.Errorf("it was asked %d times in half an hour", failures)
	}
	s.reg.Start()
	s.now = start.Add(2 * time.Hour)
	s.look()
	if got := s.read("web.yaml"); strings.Count(got, "web:1.5.0") != 2 {
		t.Errorf("it wrote\n%s", got)
	}
}

func TestNewerImagesAreAskedFor(t *testing.T) {
	s := newScene(t)
	stage := s.onForge()
	s.push("shop/web", "1.4.2", "1.5.0")
	s.write(map[string]string{"web.yaml": written, "policy.yaml": upTo2 + "  commit: {to: pullRequest}\n"})
	open := func() []forge.PullRequest {
		t.Helper()
		all, err := s.Forge.PullRequests(t.Context(), "main")
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	s.still("it is asked for")
	prs := open()
	if len(prs) != 1 || prs[0].Title != s.here("Bump REG/shop/web to 1.5.0") || !strings.HasPrefix(prs[0].HeadBranch, "tallyman/images-") {
		t.Fatalf("there are %+v", prs)
	}
	if got := s.git("show", prs[0].HeadBranch+":fleet/web.yaml"); strings.Count(got, "web:1.5.0") != 2 {
		t.Errorf("it asks for\n%s", got)
	}
	s.still("it has been asked for")
	s.push("shop/web", "1.6.0")
	s.still("the next one is asked for")
	prs = open()
	if len(prs) != 1 || prs[0].Title != s.here("Bump REG/shop/web to 1.6.0") {
		t.Fatalf("there are %+v", prs)
	}
	stage.Close(prs[0].Number) // declined, and the branch is tidied up
	s.git("branch", "-D", prs[0].HeadBranch)
	s.still("it was declined")
	if prs := open(); len(prs) != 0 {
		t.Errorf("it was asked for again: %+v", prs)
	}
}

func TestAPullRequestThatWasNotNotedIsFoundAgain(t *testing.T) {
	s := newScene(t)
	s.onForge()
	s.push("shop/web", "1.4.2", "1.5.0")
	s.write(map[string]string{"web.yaml": written, "policy.yaml": upTo2 + "  commit: {to: pullRequest, branch: bot}\n"})
	real := s.Forge
	s.Forge = nil
	if err := s.tryLook(); err == nil || !strings.Contains(err.Error(), "there is no forge to ask on") {
		t.Errorf("without a forge: %v", err)
	}
	s.Forge = real
	s.look()
	s.Loop.Journal, s.Loop.due = newScene(t).journal, nil // another state directory
	s.look()
	prs, err := s.Forge.PullRequests(t.Context(), "main")
	if err != nil || len(prs) != 1 || !strings.HasPrefix(prs[0].HeadBranch, "bot-") {
		t.Errorf("there are %+v, %v", prs, err)
	}
}

func TestWhatBreaksAPolicyIsNotCommitted(t *testing.T) {
	s := newScene(t)
	s.push("shop/web", "1.4.2", "1.5.0")
	s.write(map[string]string{"web.yaml": written, "policy.yaml": upTo2, "rules.yaml": `apiVersion: tallyman/v1
kind: Policy
metadata: {name: known}
spec: {match: {kinds: [Service]}, rules: [{assert: '!spec.image.endsWith("1.5.0")', message: not this one}]}
`})
	before := s.git("rev-parse", "main")
	if err := s.tryLook(); err == nil || !strings.Contains(err.Error(), `breaks policy "known": not this one`) {
		t.Errorf("it says %v", err)
	}
	if s.git("rev-parse", "main") != before {
		t.Errorf("it committed %s", s.git("log", "-1", "--format=%B", "main"))
	}
	if f := s.fare(); !strings.Contains(f.Error, "not this one") || !slices.Equal(f.Next, []string{s.reg.Ref("shop/web:1.5.0")}) {
		t.Errorf("whoever asks is told %+v", f)
	}
}

// TestARegistryThatListsAndDoesNotResolveIsAskedLessAndLessOften too.
func TestARegistryThatListsAndDoesNotResolveIsAskedLessAndLessOften(t *testing.T) {
	s := newScene(t)
	old := s.push("shop/web", "1.4.2")
	s.push("shop/web", "1.5.0")
	s.write(map[string]string{"web.yaml": strings.ReplaceAll(written, "web:1.4.2", "web:1.4.2@"+old), "policy.yaml": strings.Replace(upTo2, "follow", "interval: 30s\n  follow", 1)})
	lists := &listsOnly{Registry: s.Registry}
	s.Registry = lists
	start := s.now
	for second := 0; second < 30*60; second += 15 {
		if err := s.Look(t.Context(), start.Add(time.Duration(second)*time.Second)); err != nil && strings.Count(err.Error(), "follow image") != 1 {
			t.Fatalf("it says it more than once: %v", err)
		}
	}
	if lists.asked < 3 || lists.asked > 7 { // and not 60
		t.Errorf("it was asked %d times in half an hour", lists.asked)
	}
}
