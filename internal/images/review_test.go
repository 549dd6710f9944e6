package images

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/internal/forge"
	"github.com/tallyman-io/tallyman/internal/forge/forgetest"
)

var askedFor = upTo2 + "  commit: {to: pullRequest}\n"

// replaced is a scene in which pull request 1 asks for 1.5.0, and 1.6.0 has come.
func replaced(t *testing.T) (*scene, forgetest.Stage) {
	s := newScene(t)
	stage := s.onForge()
	s.push("shop/web", "1.4.2", "1.5.0")
	s.write(map[string]string{"web.yaml": written, "policy.yaml": askedFor})
	s.look()
	s.push("shop/web", "1.6.0")
	return s, stage
}

func (s *scene) pull(number int) forge.PullRequest {
	s.t.Helper()
	pr, err := s.Forge.PullRequest(s.t.Context(), number)
	if err != nil {
		s.t.Fatal(err)
	}
	return pr
}

// TestTheOpenPullRequestIsShown with what it asks for, until it is not open any more.
func TestTheOpenPullRequestIsShown(t *testing.T) {
	s, stage := replaced(t)
	if f := s.fare(); f.PullRequest != s.pull(1).URL || !slices.Equal(f.Next, []string{s.reg.Ref("shop/web:1.5.0")}) {
		t.Errorf("there is %+v", f)
	}
	s.look()
	if f := s.fare(); f.PullRequest != s.pull(2).URL || !slices.Equal(f.Next, []string{s.reg.Ref("shop/web:1.6.0")}) {
		t.Errorf("of the newer one there is %+v", f)
	}
	stage.Close(2)
	s.look()
	if f := s.fare(); f.PullRequest != "" || len(f.Next) != 0 || f.Error != "" {
		t.Errorf("of one that was declined there is %+v", f)
	}
}

// TestAPullRequestGivesWayToANewerOne: it says to which, and is closed.
func TestAPullRequestGivesWayToANewerOne(t *testing.T) {
	s, stage := replaced(t)
	s.look()
	if pr := s.pull(1); pr.State != forge.StateClosed {
		t.Errorf("the old one is %s", pr.State)
	}
	if said := stage.Comments(1); len(said) != 1 || !strings.Contains(said[0].Body, "are asked for by #2 instead. Open") {
		t.Errorf("on the old one it says %+v", said)
	}
	if pr := s.pull(2); pr.State != forge.StateOpen || len(stage.Comments(2)) != 0 {
		t.Errorf("the new one is %s, and says %+v", pr.State, stage.Comments(2))
	}
}

// TestAPullRequestThatSomebodyPushedToIsLeftOpen: there may be work in it.
func TestAPullRequestThatSomebodyPushedToIsLeftOpen(t *testing.T) {
	s, stage := replaced(t)
	s.git("checkout", "-q", s.pull(1).HeadBranch)
	s.git("commit", "-q", "--allow-empty", "-m", "Mend what 1.5.0 needs")
	s.git("checkout", "-q", "main")
	s.look()
	if pr := s.pull(1); pr.State != forge.StateOpen {
		t.Errorf("the old one is %s", pr.State)
	}
	if said := stage.Comments(1); len(said) != 1 || !strings.Contains(said[0].Body, "Close this one") {
		t.Errorf("on the old one it says %+v", said)
	}
}

// TestAPullRequestOfWhichNobodyKnowsWhatWasPushedIsLeftOpen, as one that a controller
// before this one had opened and not noted.
func TestAPullRequestOfWhichNobodyKnowsWhatWasPushedIsLeftOpen(t *testing.T) {
	s := newScene(t)
	s.onForge()
	s.push("shop/web", "1.4.2", "1.5.0")
	s.write(map[string]string{"web.yaml": written, "policy.yaml": askedFor})
	s.look()
	s.Loop.Journal, s.Loop.due = newScene(t).journal, nil
	s.look()
	s.push("shop/web", "1.6.0")
	s.look()
	if pr := s.pull(1); pr.State != forge.StateOpen {
		t.Errorf("it is %s", pr.State)
	}
}

// TestAPullRequestThatAsksForMoreThanTheNewerOneIsLeftOpen: what it alone asks for
// would never be asked for again. Once that is asked for anew too, it is closed.
func TestAPullRequestThatAsksForMoreThanTheNewerOneIsLeftOpen(t *testing.T) {
	s := newScene(t)
	stage := s.onForge()
	s.push("shop/web", "1.4.2", "1.5.0")
	s.push("shop/db", "17", "18")
	s.write(map[string]string{"web.yaml": written, "policy.yaml": askedFor + "---\n" +
		following("db", "shop/db", `follow: {pattern: "^[0-9]+$"}`) + "  commit: {to: pullRequest}\n"})
	s.look()
	s.push("shop/web", "1.6.0")
	s.look()
	if pr, said := s.pull(1), stage.Comments(1); pr.State != forge.StateOpen || len(said) != 1 || !strings.Contains(said[0].Body, "What `db` brings is asked for here only") {
		t.Errorf("it is %s, and says %+v", pr.State, said)
	}
	urls := map[string]string{}
	for _, f := range s.Fare() {
		urls[f.Name] = f.PullRequest
	}
	if urls["db"] != s.pull(1).URL || urls["web"] != s.pull(2).URL {
		t.Errorf("the pull requests are %v", urls)
	}
	s.push("shop/db", "19")
	s.look()
	if pr, said := s.pull(1), stage.Comments(1); pr.State != forge.StateClosed || len(said) != 1 || !strings.Contains(said[0].Body, "asked for by #3, #2 instead") {
		t.Errorf("it is %s, and says %+v", pr.State, said)
	}
}

// TestWhatCouldNotBeSaidOfAnOldPullRequestIsSaidLater, and what was is not looked up
// again.
func TestWhatCouldNotBeSaidOfAnOldPullRequestIsSaidLater(t *testing.T) {
	s, stage := replaced(t)
	mute := &muteForge{Forge: s.Forge, err: errors.New("it does not answer")}
	s.Forge = mute
	if err := s.tryLook(); err == nil || !strings.Contains(err.Error(), "has taken its place") {
		t.Fatalf("it says %v", err)
	}
	if f := s.fare(); !strings.Contains(f.Error, "it does not answer") {
		t.Errorf("whoever asks is told %+v", f)
	}
	if pr := s.pull(1); pr.State != forge.StateOpen {
		t.Errorf("it is %s, and does not say why", pr.State)
	}
	mute.err = nil
	s.look()
	if said := stage.Comments(1); len(said) != 1 || !strings.Contains(said[0].Body, "are asked for by #2") {
		t.Errorf("on the old one it says %+v", said)
	}
	mute.looked = nil
	s.still("all was said")
	if !slices.Equal(mute.looked, []int{2}) {
		t.Errorf("the pull requests %v were looked up", mute.looked)
	}
}

// TestAPullRequestThatIsNotFoundIsLookedForAgain, and is no failure: whoever deletes
// one wants nothing more of it, and a token may see it again another time.
func TestAPullRequestThatIsNotFoundIsLookedForAgain(t *testing.T) {
	s := newScene(t)
	stage := s.onForge()
	s.push("shop/web", "1.4.2", "1.5.0")
	s.write(map[string]string{"web.yaml": written, "policy.yaml": askedFor})
	s.look()
	sees, config := s.Forge, stage.Config()
	config.Repository = forgetest.Owner + "/nowhere"
	var err error
	if s.Forge, err = forge.Open(config); err != nil {
		t.Fatal(err)
	}
	s.look()
	if f := s.fare(); f.PullRequest != "" || f.Error != "" {
		t.Errorf("of one that is not found there is %+v", f)
	}
	s.Forge = sees
	s.look()
	if f := s.fare(); f.PullRequest != s.pull(1).URL {
		t.Errorf("of one that is found again there is %+v", f)
	}
}
