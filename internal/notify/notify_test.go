package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/internal/hooksign"
	"github.com/tallyman-io/tallyman/internal/state"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/report"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

const (
	first  = "1111111111111111"
	second = "2222222222222222"
	third  = "3333333333333333"
	canary = "S3CR3T-canary-value"
)

// stage is a controller that has come to a status, with a journal that outlives it.
type stage struct {
	t       *testing.T
	status  report.Status
	all     []model.Notification
	values  model.Blobs
	dir     string
	journal *state.Store
	log     strings.Builder
	*Notifier
}

func (s *stage) Status() report.Status                { return s.status }
func (s *stage) Subscribe() (<-chan struct{}, func()) { return make(chan struct{}), func() {} }
func (s *stage) Notifications() ([]model.Notification, model.Blobs, bool) {
	return s.all, s.values, s.status.Effective.ID != ""
}

// newStage is one with app shop at a commit, and a notification to a server.
func newStage(t *testing.T, address string) *stage {
	s := &stage{t: t, dir: t.TempDir(), values: model.Blobs{"d": []byte(canary)}}
	s.all = []model.Notification{{Name: "hook", Webhook: address, Secret: model.SecretRef{Secret: "hub", Key: "key", Digest: "d"}}}
	s.at(first, report.App{Phase: rollout.Progressing, Revision: first})
	s.restart()
	return s
}

func (s *stage) at(commit string, shop report.App) {
	shop.Name = "shop"
	s.status = report.Status{
		Owner: "fleet", Target: report.Revision{ID: commit, Subject: "Sell tea", Author: "Ada"}, Effective: report.Revision{ID: commit}, Apps: []report.App{shop},
	}
}

// restart is another controller with the same journal.
func (s *stage) restart() {
	s.t.Helper()
	if s.journal != nil {
		_ = s.journal.Close() // the next one reads what there is
	}
	log := slog.New(slog.NewTextHandler(&s.log, nil))
	journal, err := state.Open(s.dir, log)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = journal.Close() })
	s.journal, s.Notifier = journal, New(s, journal, log, Options{Loopback: true})
	s.settle = 0
}

// record is the end of a rollout.
func (s *stage) record(r rollout.Record) {
	s.t.Helper()
	r.App, r.StartedAt, r.EndedAt = "shop", time.Now(), time.Now()
	if err := s.journal.Record(r, rollout.Standing{}); err != nil {
		s.t.Fatal(err)
	}
}

// tell takes one look and waits for what it sends.
func (s *stage) tell() {
	s.t.Helper()
	if err := s.look(s.t.Context(), s.controller.Status, time.Now()); err != nil {
		s.t.Fatal(err)
	}
	s.sending.Wait()
}

// overdue has what failed tried again now.
func (s *stage) overdue() {
	for _, c := range s.channels {
		c.next = time.Time{}
	}
}

// receiver is a server that takes messages and checks their signatures.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	got    []Payload
	answer int
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{answer: http.StatusNoContent}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		if got, want := req.Header.Get(hooksign.HeaderSignature), hooksign.Sign([]byte(canary), req.Header.Get(hooksign.HeaderTimestamp), body); got != want {
			t.Errorf("signature %s, want %s", got, want)
		}
		var p Payload
		if err := json.Unmarshal(body, &p); err != nil {
			t.Error(err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.answer < 300 {
			r.got = append(r.got, p)
		}
		w.WriteHeader(r.answer)
	}))
	t.Cleanup(r.Close)
	return r
}

// events are what was told, in order.
func (r *receiver) events() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []string
	for _, p := range r.got {
		all = append(all, p.Event+" "+p.App+" "+p.Revision[:1])
	}
	return strings.Join(all, ", ")
}

func (r *receiver) want(t *testing.T, want string) {
	t.Helper()
	if got := r.events(); got != want {
		t.Errorf("was told %q, want %q", got, want)
	}
}

// TestEachEndOfARolloutIsToldOnce, whatever is looked at again, and whichever
// controller looks.
func TestEachEndOfARolloutIsToldOnce(t *testing.T) {
	r := newReceiver(t)
	s := newStage(t, r.URL)
	s.tell()
	r.want(t, "")
	s.record(rollout.Record{Revision: first, Phase: rollout.Complete, Subject: "Sell tea", Author: "Ada"})
	s.at(first, report.App{Phase: rollout.Complete, Health: report.Healthy, Revision: first})
	s.tell()
	s.tell()
	r.want(t, "succeeded shop 1")
	if p := r.got[0]; p.Message != "shop succeeded at 11111111 (Sell tea): runs and is healthy" || p.Author != "Ada" || p.Owner != "fleet" || len(p.ID) != 32 {
		t.Errorf("got %+v", p)
	}
	s.record(rollout.Record{Revision: second, Phase: rollout.Failed, Reason: "web-1 ended with 1"})
	s.restart() // between the end and its being told
	s.record(rollout.Record{Revision: first, RollbackOf: second, Phase: rollout.Complete})
	s.at(second, report.App{Phase: rollout.Complete, Health: report.Healthy, Revision: first, Held: &model.Held{Kind: model.HeldRollback, Revision: second}})
	s.tell()
	s.restart()
	s.tell()
	r.want(t, "succeeded shop 1, failed shop 2, rolledBack shop 2")
}

// TestWhatWasBeforeIsNotTold, neither to a new one nor to one that wants more now;
// what its own commit leads to is.
func TestWhatWasBeforeIsNotTold(t *testing.T) {
	r := newReceiver(t)
	s := newStage(t, r.URL)
	s.record(rollout.Record{Revision: first, Phase: rollout.Failed, Reason: "old"})
	s.at(second, report.App{Phase: rollout.Progressing, Revision: second})
	s.all[0].Events = []string{report.EventFailed}
	s.tell()
	s.record(rollout.Record{Revision: second, Phase: rollout.Complete})
	s.tell()
	r.want(t, "")
	s.all[0].Events = nil
	s.at(third, report.App{Phase: rollout.Progressing, Revision: third})
	s.record(rollout.Record{Revision: third, Phase: rollout.Complete})
	s.tell()
	r.want(t, "succeeded shop 3")
	hook := s.all
	s.all = nil
	s.tell()
	s.all = hook
	s.at("4444444444444444", report.App{Phase: rollout.Progressing, Revision: third})
	s.tell()
	r.want(t, "succeeded shop 3") // declared again, it begins anew
}

// TestWhatFlapsIsToldOncePerCommit, and that it is well again only to whom the other
// was told.
func TestWhatFlapsIsToldOncePerCommit(t *testing.T) {
	r := newReceiver(t)
	s := newStage(t, r.URL)
	for range 4 {
		s.at(first, report.App{Phase: rollout.Complete, Health: report.Healthy, Revision: first})
		s.tell()
		s.at(first, report.App{Phase: rollout.Complete, Health: report.Degraded, Revision: first, Reason: "web-1 ended"})
		s.tell()
	}
	r.want(t, "degraded shop 1, recovered shop 1")
	s.settle = time.Hour
	s.at(second, report.App{Phase: rollout.Complete, Health: report.Degraded, Revision: second})
	s.tell()
	s.at(second, report.App{Phase: rollout.Complete, Health: report.Healthy, Revision: second})
	s.tell()
	r.want(t, "degraded shop 1, recovered shop 1")
}

// TestAFailingChannelKeepsNobodyWaiting, is told of, and catches up.
func TestAFailingChannelKeepsNobodyWaiting(t *testing.T) {
	good, bad := newReceiver(t), newReceiver(t)
	bad.answer = http.StatusForbidden
	s := newStage(t, good.URL)
	s.all = append(s.all, model.Notification{Name: "bad", Webhook: bad.URL + "/" + "x", Secret: s.all[0].Secret})
	s.tell()
	s.record(rollout.Record{Revision: first, Phase: rollout.Complete})
	s.record(rollout.Record{Revision: second, Phase: rollout.Failed})
	s.at(second, report.App{Phase: rollout.Failed, Revision: second})
	s.tell()
	good.want(t, "succeeded shop 1, failed shop 2")
	fare := s.Fare()
	if len(fare) != 2 || fare[0].Error != "the server answers 403 Forbidden" || fare[0].Waiting != 2 || fare[0].Since.IsZero() || fare[1].Error != "" {
		t.Errorf("they fare %+v", fare)
	}
	bad.answer = http.StatusOK
	s.tell() // before its time
	bad.want(t, "")
	s.overdue()
	s.tell()
	bad.want(t, "succeeded shop 1, failed shop 2")
	if fare := s.Fare(); fare[0].Error != "" || fare[0].Waiting != 0 {
		t.Errorf("they fare %+v", fare)
	}
	good.want(t, "succeeded shop 1, failed shop 2")
}

// TestOnlyWhatIsWantedIsTold: by event, and by app.
func TestOnlyWhatIsWantedIsTold(t *testing.T) {
	for name, c := range map[string]struct {
		to   model.Notification
		want bool
	}{
		"all":         {model.Notification{}, true},
		"the event":   {model.Notification{Events: []string{"failed"}}, true},
		"another":     {model.Notification{Events: []string{"held"}}, false},
		"the app":     {model.Notification{Apps: []string{"blog", "sh*"}}, true},
		"another app": {model.Notification{Apps: []string{"blog", "s*x"}}, false},
	} {
		if wants(&c.to, report.About{Event: report.EventFailed, App: "shop"}) != c.want {
			t.Errorf("%s: want %t", name, c.want)
		}
	}
	if !wants(&model.Notification{Apps: []string{"blog"}}, report.About{Event: report.EventRefused}) {
		t.Error("a refused commit is about all apps")
	}
}

// TestARefusedAndAHeldCommitAreTold with why.
func TestARefusedAndAHeldCommitAreTold(t *testing.T) {
	r := newReceiver(t)
	s := newStage(t, r.URL)
	s.at(second, report.App{Phase: rollout.Complete, Revision: first, Held: &model.Held{Kind: model.HeldPause, Revision: second, Reason: "paused by Ada"}})
	s.status.SourceError = "a.yaml:1:2: wrong"
	s.tell()
	r.want(t, "refused  2, held shop 2")
}

// TestALoopThatRunsEndsInTheMiddleOfASending, and the next one sends it.
func TestALoopThatRunsEndsInTheMiddleOfASending(t *testing.T) {
	came, release := make(chan struct{}), make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		close(came)
		select {
		case <-release:
		case <-req.Context().Done():
		}
	}))
	defer slow.Close()
	defer close(release)
	s := newStage(t, slow.URL)
	s.record(rollout.Record{Revision: first, Phase: rollout.Complete})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.Run(ctx)
	}()
	<-came
	cancel()
	<-ended
	r := newReceiver(t)
	s.all[0].Webhook = r.URL
	s.restart()
	s.tell()
	r.want(t, "succeeded shop 1")
}

// TestNoAppOfALargeCommitIsMissed: a commit may change more apps than anybody would
// look back over.
func TestNoAppOfALargeCommitIsMissed(t *testing.T) {
	r := newReceiver(t)
	s := newStage(t, r.URL)
	s.tell()
	s.record(rollout.Record{Revision: first, Phase: rollout.Failed, Reason: "web-1 ended with 1"})
	s.all[0].Apps = []string{"shop"}
	s.rollouts(220, time.Now())
	s.tell()
	r.want(t, "failed shop 1")
}

// TestWhatIsStaleIsNotTold, and does not have to be remembered either.
func TestWhatIsStaleIsNotTold(t *testing.T) {
	r := newReceiver(t)
	s := newStage(t, r.URL)
	s.tell()
	s.rollouts(1, time.Now().Add(-stale-time.Minute))
	s.tell()
	r.want(t, "")
	if told, err := s.journal.Delivered(); err != nil || len(told["hook"]) != 0 {
		t.Errorf("it remembers %v, %v", told, err)
	}
}

// rollouts are those of as many other apps, each of which has ended.
func (s *stage) rollouts(apps int, ended time.Time) {
	s.t.Helper()
	for i := range apps {
		r := rollout.Record{App: fmt.Sprintf("app-%d", i), Revision: first, Phase: rollout.Complete, StartedAt: ended, EndedAt: ended}
		if err := s.journal.Record(r, rollout.Standing{}); err != nil {
			s.t.Fatal(err)
		}
	}
}
