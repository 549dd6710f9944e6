package webhook

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestADeliveryCountsOnce(t *testing.T) {
	headers := map[Kind]string{GitHub: "X-GitHub-Delivery", Gitea: "X-Gitea-Delivery", GitLab: "X-Gitlab-Event-UUID"}
	for kind, header := range headers {
		h := handler(t, kind)
		body := pushGitHub
		if kind == GitLab {
			body = pushGitLab
		}
		for n, want := range []int{1, 0} {
			r := sign(kind, body)
			r.Header.Set(header, "72d3162e-cc78-11e3-81ab-4c9367dc0958")
			if status := send(h, r); status != http.StatusAccepted || len(h.Take()) != want {
				t.Errorf("%s: time %d: answered %d", kind, n+1, status)
			}
		}
		r := sign(kind, body)
		r.Header.Set(header, "another")
		if send(h, r); len(h.Take()) != 1 {
			t.Errorf("%s: another delivery of the same is lost", kind)
		}
	}
	h := handler(t, Generic)
	first := sign(Generic, `{"repository":"acme/shop"}`)
	again := first.Clone(t.Context())
	again.Body = sign(Generic, `{"repository":"acme/shop"}`).Body
	send(h, first)
	if status := send(h, again); status != http.StatusAccepted || len(h.Take()) != 1 {
		t.Errorf("a generic one again: answered %d", status)
	}
}

// TestARefusedDeliveryIsNotRemembered: when somebody sends it again after the
// configuration was mended, it counts.
func TestARefusedDeliveryIsNotRemembered(t *testing.T) {
	h := handler(t, GitHub)
	for _, body := range []string{strings.ReplaceAll(pushGitHub, "acme/shop", "acme/other"), pushGitHub} {
		r := sign(GitHub, body)
		r.Header.Set("X-GitHub-Delivery", "same")
		send(h, r)
	}
	if len(h.Take()) != 1 {
		t.Error("the second one is lost")
	}
}

// TestAFloodIsOneHint: hints are a set with an end, and so are addresses and
// deliveries.
func TestAFloodIsOneHint(t *testing.T) {
	h := handler(t, GitHub)
	for i := range 50 {
		send(h, sign(GitHub, pushGitHub))
		if i == 0 {
			<-h.Wake()
		}
	}
	if got := h.Take(); !slices.Equal(got, []Hint{push}) {
		t.Errorf("look at %+v", got)
	}
	for i := range 3 * maxHints {
		h.queue.put(Hint{Repository: "acme/shop", PullRequest: i + 1})
	}
	got := h.Take()
	if len(got) > maxHints || got[0] != (Hint{Repository: "acme/shop"}) {
		t.Errorf("%d hints, the first %+v", len(got), got[0])
	}
	for i := range 3 * maxSeen {
		h.seen.before(strconv.Itoa(i))
	}
	if kept := len(h.seen.now) + len(h.seen.last); kept > maxSeen {
		t.Errorf("%d deliveries are remembered", kept)
	}
}

func TestAnAddressSendsSoMuch(t *testing.T) {
	h := handler(t, GitHub)
	now := time.Now()
	h.now = func() time.Time { return now }
	from := func(address string) int {
		r := sign(GitHub, pushGitHub)
		r.RemoteAddr = address
		return send(h, r)
	}
	for range burst {
		from("192.0.2.1:1000")
	}
	if status := from("192.0.2.1:1001"); status != http.StatusTooManyRequests {
		t.Errorf("after the burst: answered %d", status)
	}
	if status := from("192.0.2.2:1000"); status != http.StatusAccepted {
		t.Errorf("another address: answered %d", status)
	}
	now = now.Add(time.Second)
	if status := from("192.0.2.1:1002"); status != http.StatusAccepted {
		t.Errorf("a second later: answered %d", status)
	}
	for i := range 3 * maxSources {
		h.sources.allow(fmt.Sprintf("[2001:db8:%x:%x::1]:1", i>>8, i&255), now)
	}
	if len(h.sources.known) > maxSources {
		t.Errorf("%d addresses are known", len(h.sources.known))
	}
	if a, b := network("[2001:db8::1]:1"), network("[2001:db8::ffff]:2"); a != b {
		t.Errorf("one network counts as two: %v, %v", a, b)
	}
}

// watched is a body that tells when it is read from, and ends when it is let.
type watched struct {
	begun chan<- struct{}
	let   <-chan struct{}
}

func (w watched) Read([]byte) (int, error) {
	w.begun <- struct{}{}
	<-w.let
	return 0, io.EOF
}

// TestSoManyBodiesAreReadAtATime: whoever has no secret can fill no memory, and who
// has one address keeps nobody else from being heard.
func TestSoManyBodiesAreReadAtATime(t *testing.T) {
	h := handler(t, GitHub)
	begun, let, ended := make(chan struct{}), make(chan struct{}), make(chan int)
	from := func(sender int, r *http.Request) *http.Request {
		r.RemoteAddr = fmt.Sprintf("192.0.2.%d:%d", sender, 1000+sender)
		return r
	}
	hold := func(sender int) {
		r := from(sender, sign(GitHub, ""))
		r.Body = io.NopCloser(watched{begun, let})
		go func() { ended <- send(h, r) }()
		<-begun
	}
	for range bodiesEach {
		hold(1)
	}
	if status := send(h, from(1, sign(GitHub, pushGitHub))); status != http.StatusServiceUnavailable {
		t.Errorf("one more of an address: answered %d", status)
	}
	if status := send(h, from(2, sign(GitHub, pushGitHub))); status != http.StatusAccepted {
		t.Errorf("another address: answered %d", status)
	}
	for i := range maxBodies - bodiesEach {
		hold(2 + i)
	}
	if status := send(h, from(100, sign(GitHub, pushGitHub))); status != http.StatusServiceUnavailable {
		t.Errorf("one more of all: answered %d", status)
	}
	close(let)
	for range maxBodies {
		if status := <-ended; status != http.StatusBadRequest {
			t.Errorf("an empty one: answered %d", status)
		}
	}
	for range bodiesEach + 1 {
		if status := send(h, from(1, sign(GitHub, pushGitHub))); status != http.StatusAccepted {
			t.Errorf("after them: answered %d", status)
		}
	}
	if h.reading.all != 0 || len(h.reading.taken) != 0 {
		t.Errorf("%d places are taken, %v", h.reading.all, h.reading.taken)
	}
}

// unread fails the test when a body is read.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body is read")
	return 0, io.EOF
}

func TestWhatNoBodyCanMakeRightIsNotRead(t *testing.T) {
	hour := strconv.FormatInt(time.Now().Add(-time.Hour).Unix(), 10)
	for _, c := range []struct {
		kind   Kind
		header map[string]string
	}{
		{GitHub, nil},
		{GitHub, map[string]string{"X-Hub-Signature-256": "sha256=ab"}},
		{Gitea, map[string]string{"X-Hub-Signature-256": strings.Repeat("ab", 32)}},
		{GitLab, nil},
		{GitLab, map[string]string{"X-Gitlab-Token": "another-secret-of-tests"}},
		{Generic, map[string]string{"X-Tallyman-Timestamp": hour, "X-Tallyman-Signature": "sha256=" + sum(hour, ".")}},
		{Generic, map[string]string{"X-Tallyman-Timestamp": strconv.FormatInt(time.Now().Unix(), 10)}},
	} {
		r := sign("", "")
		r.Body = io.NopCloser(unread{t})
		for name, value := range c.header {
			r.Header.Set(name, value)
		}
		if status := send(handler(t, c.kind), r); status != http.StatusUnauthorized {
			t.Errorf("%s with %v: answered %d", c.kind, c.header, status)
		}
	}
}
