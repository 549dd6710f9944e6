package notify

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/nicholas-fedor/shoutrrr/pkg/types"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/report"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// TestAChatGetsTheMessage by way of one of shoutrrr's services.
func TestAChatGetsTheMessage(t *testing.T) {
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body := make([]byte, 1<<10)
		n, _ := r.Body.Read(body)
		got = append(got, r.URL.Path+" "+string(body[:n]))
	}))
	defer server.Close()
	s := newStage(t, "")
	s.values["d"] = []byte("ntfy://" + strings.TrimPrefix(server.URL, "http://") + "/" + canary + "?scheme=http\n")
	s.all[0].Template = "{{upper .App}} {{.Event}}"
	s.tell()
	s.record(rollout.Record{Revision: first, Phase: rollout.Complete})
	s.tell()
	s.tell()
	if len(got) != 1 || !strings.Contains(got[0], canary) || !strings.Contains(got[0], "SHOP succeeded") {
		t.Errorf("the chat got %q, and the channel fares %+v", got, s.Fare())
	}
}

// TestNoTokenIsEverTold: not in a log and not in a status, however it fails.
func TestNoTokenIsEverTold(t *testing.T) {
	refuses := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte("no such token: " + r.URL.Path))
	}))
	defer refuses.Close()
	at := strings.TrimPrefix(refuses.URL, "http://")
	for url, want := range map[string]string{
		"ntfy://" + at + "/" + canary + "?scheme=http":          "ntfy refuses the message, with 401",
		"ntfy://127.0.0.1:1/" + canary + "?scheme=http":         "ntfy: connection refused",
		"mattermost://" + at + "/" + canary + "?disabletls=yes": "mattermost",
		"ntfy://169.254.169.254/" + canary:                      "link-local",
		"ntfy://ntfy.example.com/" + canary + "?disabletls=yes": "disabletls is not taken",
		"ntfy://ntfy.example.com/" + canary + "?scheme=http":    "scheme=http is not taken",
		"slack://" + canary:              "the URL is not as slack:// needs it",
		"S3CR3T-canary-value://x":        "the URL's scheme is none that there is",
		canary:                           "is no URL",
		"generic://" + at + "/" + canary: "use webhook",
		"logger://" + canary:             "the URL's scheme is none that there is",
		"ntfy://%zz" + canary:            "is no URL",
		"":                               `key "key" of secret "hub" is empty`,
	} {
		s := newStage(t, "")
		s.values["d"] = []byte(url)
		s.record(rollout.Record{Revision: first, Phase: rollout.Complete})
		s.tell()
		fare := s.Fare()
		if len(fare) != 1 || !strings.Contains(fare[0].Error, want) {
			t.Errorf("%s: fares %+v, want %q", url, fare, want)
		}
		if all := fare[0].Error + s.log.String(); strings.Contains(strings.ToLower(all), strings.ToLower(canary)) {
			t.Errorf("%s is told: %s", url, all)
		}
	}
}

// TestAddressesThatNobodyIsToldAt: a repository names addresses, and the controller
// may be where others are not.
func TestAddressesThatNobodyIsToldAt(t *testing.T) {
	for address, want := range map[string]error{
		"169.254.169.254": errForbidden, "fe80::1": errForbidden, "0.0.0.0": errForbidden, "224.0.0.1": errForbidden, "::ffff:169.254.1.1": errForbidden,
		"127.0.0.1": errLoopback, "::1": errLoopback, "::ffff:127.0.0.1": errLoopback, "10.1.2.3": nil, "192.0.2.1": nil,
	} {
		if err := (policy{}).check(netip.MustParseAddr(address)); err != want {
			t.Errorf("%s: %v, want %v", address, err, want)
		}
	}
	if err := (policy{loopback: true}).check(netip.MustParseAddr("127.0.0.1")); err != nil {
		t.Errorf("with --notify-loopback: %v", err)
	}
}

// TestAServerHasToBeWhoItIs: neither a name for this machine, nor a certificate that
// nobody trusts, nor a redirect gets a message.
func TestAServerHasToBeWhoItIs(t *testing.T) {
	reached := 0
	count := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached++ })
	secure, plain := httptest.NewTLSServer(count), httptest.NewServer(count)
	defer secure.Close()
	defer plain.Close()
	redirects := httptest.NewServer(http.RedirectHandler(plain.URL, http.StatusTemporaryRedirect))
	defer redirects.Close()
	for _, c := range []struct {
		url    string
		policy policy
		want   error
		text   string
	}{
		{secure.URL, policy{}, errLoopback, ""},
		{strings.Replace(secure.URL, "127.0.0.1", "localhost", 1), policy{}, errLoopback, ""},
		{plain.URL, policy{}, errLoopback, ""},
		{"http://192.0.2.1", policy{true}, nil, "has to begin with https://"},
		{secure.URL, policy{true}, nil, "certificate is not trusted"},
		{redirects.URL, policy{true}, nil, "redirects (307)"},
	} {
		h, err := newHook(c.url, []byte("k"), c.policy)
		if err == nil {
			err = h.send(t.Context(), letter{Notice: report.Notice{}})
		}
		if err == nil || c.want != nil && err != c.want || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: got %v, want %v %s", c.url, err, c.want, c.text)
		}
	}
	if reached > 0 {
		t.Errorf("%d messages got there", reached)
	}
}

// TestAnotherKeyIsUsedAtOnce: what failed with the old one is not waited for.
func TestAnotherKeyIsUsedAtOnce(t *testing.T) {
	r := newReceiver(t)
	s := newStage(t, r.URL)
	s.values["d"] = nil
	s.record(rollout.Record{Revision: first, Phase: rollout.Complete})
	s.tell()
	r.want(t, "")
	s.values = model.Blobs{"e": []byte(canary)}
	s.all = []model.Notification{s.all[0]}
	s.all[0].Secret.Digest = "e"
	s.tell()
	r.want(t, "succeeded shop 1")
}

// TestAServiceThatPanicsIsOneThatFails: it must not end the controller.
func TestAServiceThatPanicsIsOneThatFails(t *testing.T) {
	c := &chat{service: "slack", sender: panics{}}
	if err := c.send(t.Context(), letter{}); err == nil || strings.Contains(err.Error(), canary) {
		t.Errorf("got %v", err)
	}
}

type panics struct{}

func (panics) Send(string, *types.Params) error { panic(canary) }

// TestTheServicesAreDocumented, all of them and no other.
func TestTheServicesAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/notifications.md")
	if err != nil {
		t.Fatal(err)
	}
	if all := strings.Join(slices.Sorted(maps.Keys(services())), ", "); !strings.Contains(string(page), "of one of these services: "+all+".") {
		t.Errorf("the documents do not list %s", all)
	}
}

// TestASlowServiceGetsAMessageOnce: what arrives after it was given up is not sent
// again, and what fails then is.
func TestASlowServiceGetsAMessageOnce(t *testing.T) {
	for name, c := range map[string]struct {
		late error
		want string
	}{
		"arrives":  {nil, "one two"},
		"does not": {errors.New("no"), "one one two"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &slow{answers: make(chan error), begun: make(chan struct{}, 3)}
			chat := &chat{service: "slack", sender: s, late: map[report.About]bool{}}
			one, two := letter{Text: "one"}, letter{Text: "two"}
			one.Notice.Revision, two.Notice.Revision = first, second
			ctx, giveUp := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- chat.send(ctx, one) }()
			<-s.begun
			giveUp()
			if err := <-ended; err == nil {
				t.Fatal("it was not given up")
			}
			if err := chat.send(t.Context(), one); err == nil || !strings.Contains(err.Error(), "no answer to an earlier message yet") {
				t.Fatalf("while it is on its way: %v", err)
			}
			s.answers <- c.late
			close(s.answers) // from now on all arrive at once
			for _, l := range []letter{one, two} {
				err := chat.send(t.Context(), l)
				for err != nil && strings.Contains(err.Error(), "no answer to an earlier message yet") {
					runtime.Gosched()
					err = chat.send(t.Context(), l)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			if got := strings.Join(s.sent, " "); got != c.want {
				t.Errorf("it was sent %q, want %q", got, c.want)
			}
		})
	}
}

// slow is a service that answers when it is let.
type slow struct {
	answers chan error
	begun   chan struct{}
	sent    []string
}

func (s *slow) Send(text string, _ *types.Params) error {
	s.sent = append(s.sent, text)
	s.begun <- struct{}{}
	return <-s.answers
}
