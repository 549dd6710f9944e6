package e2e

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"

	"github.com/tallyman-io/tallyman/internal/dockertest"
)

const (
	// oldestView is how old a client's knowledge of who is healthy may get. With an
	// older one it sends nothing: that would measure this machine and not Tallyman.
	oldestView = 2 * time.Second
	// askTime is how long a client waits for an answer.
	askTime = 10 * time.Second
	clients = 4
)

// traffic asks a service's healthy replicas all the time, and counts.
type traffic struct {
	engine  *dockertest.Engine
	service string
	client  *http.Client
	view    atomic.Pointer[view]
	stop    context.CancelFunc
	done    sync.WaitGroup

	mu       sync.Mutex
	answers  map[string]int // by what was answered
	lost     []string
	looks    int
	fewest   int // healthy replicas in any look
	fewestAt time.Time
}

// view is who was healthy at a moment.
type view struct {
	at        time.Time
	addresses []string
}

// send begins to ask the service's replicas, of which there are healthy ones.
func send(t *testing.T, e *dockertest.Engine, service string) *traffic {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	// One connection per request: an idle one that the server closes at the moment
	// of its use would be HTTP's own race.
	tr := &traffic{
		engine: e, service: service, stop: stop, answers: map[string]int{}, fewest: 1 << 20,
		client: &http.Client{Timeout: askTime, Transport: &http.Transport{DisableKeepAlives: true}},
	}
	t.Cleanup(tr.end)
	if err := tr.look(ctx); err != nil {
		t.Fatal(err)
	}
	tr.done.Go(func() { tr.watch(ctx) })
	for range clients {
		tr.done.Go(func() { tr.ask(ctx) })
	}
	return tr
}

func (tr *traffic) end() {
	tr.stop()
	tr.done.Wait()
}

// watch looks after each event of the engine, and twice a second.
func (tr *traffic) watch(ctx context.Context) {
	happened, _ := tr.engine.Client.Events(ctx, events.ListOptions{Filters: tr.mine()})
	for ctx.Err() == nil {
		_ = tr.look(ctx) // the view gets old, and nobody is asked meanwhile
		select {
		case <-happened:
		case <-time.After(500 * time.Millisecond):
		}
	}
}

func (tr *traffic) mine() filters.Args {
	return filters.NewArgs(filters.Arg("label", "tallyman.owner="+tr.engine.Owner), filters.Arg("label", "tallyman.service="+tr.service))
}

// look takes from the engine alone who is healthy.
func (tr *traffic) look(ctx context.Context) error {
	at := time.Now()
	list, err := tr.engine.Client.ContainerList(ctx, container.ListOptions{Filters: tr.mine()})
	if err != nil {
		return err
	}
	v := &view{at: at}
	for _, c := range list {
		if c.State == "running" && strings.Contains(c.Status, "(healthy)") && len(c.Ports) > 0 {
			v.addresses = append(v.addresses, fmt.Sprintf("http://%s:%d/", tr.engine.Address(), c.Ports[0].PublicPort))
		}
	}
	tr.view.Store(v)
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.looks++
	if len(v.addresses) < tr.fewest {
		tr.fewest, tr.fewestAt = len(v.addresses), at
	}
	return nil
}

// ask is one client.
func (tr *traffic) ask(ctx context.Context) {
	for ctx.Err() == nil {
		v := tr.view.Load()
		if time.Since(v.at) < oldestView && len(v.addresses) > 0 {
			tr.count(tr.one(v.addresses[rand.IntN(len(v.addresses))]))
		}
		time.Sleep(10 * time.Millisecond) // leave the processors to those who work
	}
}

// one asks once. It does not end with the test, so that a request that is under
// way then is not taken for a lost one.
func (tr *traffic) one(url string) (string, error) {
	answer, err := tr.client.Get(url)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("get %q: %s", url, answer.Status)
	}
	message, _, _ := strings.Cut(string(body), "\n")
	return message, err
}

func (tr *traffic) count(message string, err error) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if err != nil {
		tr.lost = append(tr.lost, time.Now().Format(time.StampMilli)+" "+err.Error())
		return
	}
	tr.answers[message]++
}

// TestNoRequestIsLost rolls ten replicas three times, and a fourth time by a
// commit that fails when all of them are new, so that all go back, while clients
// ask whatever the engine calls healthy.
//
// What Tallyman does for it: nothing old is stopped before its successor is
// healthy. The rest is up to the replica and its clients. Nobody tells a client
// that a replica is going to stop, so it must have time to find out: after
// SIGTERM the replica fails its health check and goes on to answer for LAME_DUCK,
// which is longer than one interval of the check, the check itself and the age of
// the client's view together. Without that, requests in the moment between are
// lost; no order of starts and stops can help.
func TestNoRequestIsLost(t *testing.T) {
	const replicas = 10
	w, e := localWorld(t)
	e.Images("tallyman/hello:polite")
	deploy := func(message, worker string) string {
		w.write("web.yaml", fmt.Sprintf(`apiVersion: tallyman/v1
kind: Service
metadata: {name: web}
spec:
  image: tallyman/hello:polite
  pull: never
  replicas: %d
  environment: {MESSAGE: %s, LAME_DUCK: 6s}
  stopGracePeriod: 20s
  ports: [{port: 8080}]
  healthCheck: {command: [/server, health], interval: 2s, timeout: 10s, retries: 1}
  update: {parallelism: 5, monitor: 1s, deadline: 2m}
`, replicas, message))
		w.service("worker", "tallyman/hello:1", 1, "dependsOn: [web]", "environment: {"+worker+"}")
		return w.commit(message)
	}
	const works, fails = "A: b", `FAIL: exit, EXIT_CODE: "3"`
	deploy("first", works)
	w.serve()
	w.eventually("10 replicas", exactly("web", "tallyman/hello:polite", replicas))
	tr := send(t, e, "web")
	var good string
	for _, message := range []string{"second", "third", "fourth"} {
		good = deploy(message, works)
		w.until("default", "rolled to "+message, there(good, ""))
	}
	deploy("bad", fails)
	w.until("default", "back from the bad commit", there(good, "rollback"))
	tr.end()
	asked := len(tr.lost)
	for _, message := range slices.Sorted(maps.Keys(tr.answers)) {
		t.Logf("%d answers of %q", tr.answers[message], message)
		asked += tr.answers[message]
	}
	t.Logf("%d requests, %d lost; never fewer than %d healthy replicas in %d looks", asked, len(tr.lost), tr.fewest, tr.looks)
	if len(tr.lost) > 0 {
		t.Errorf("%d of %d requests were lost:\n%s", len(tr.lost), asked, strings.Join(tr.lost[:min(len(tr.lost), 10)], "\n"))
	}
	if tr.fewest < replicas {
		t.Errorf("only %d of %d replicas were healthy at %s", tr.fewest, replicas, tr.fewestAt.Format(time.StampMilli))
	}
	for _, message := range []string{"first", "second", "third", "fourth", "bad"} {
		if tr.answers[message] == 0 {
			t.Errorf("nobody got an answer of %q: it never served", message)
		}
	}
}
