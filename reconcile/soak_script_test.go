package reconcile

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing/fstest"
	"time"
)

// script is what happens to a fleet, in its order: a pure function of the seed, so
// that events can be left out without changing the others.
type script struct {
	seed        uint64
	hosts, apps int
	events      []event
}

// event is one thing that happens, so long after the one before. Host and app are
// what it happens to, and n makes the rest of it.
type event struct {
	after     time.Duration
	kind      string
	host, app int
	n         uint64
}

func (e event) String() string {
	return fmt.Sprintf("%8s later: %s host-%d app%d n=%d", e.after.Round(time.Millisecond), e.kind, e.host+1, e.app, e.n)
}

func (s *script) String() string {
	var b strings.Builder
	for _, e := range s.events {
		fmt.Fprintf(&b, "    %s\n", e)
	}
	return b.String()
}

// kinds are what may happen, as often as they are in the list.
var kinds = strings.Fields(`
	commit commit commit commit commit commit bad revert invalid remove
	drain cordon undrain undrain
	gone gone back back back freeze thaw thaw reboot reboot
	zone zoneBack zoneBack most mostBack mostBack
	kill kill pause unhealthy removeByHand loseChecks
	restart restart die die dieUnheard stopFor stale fresh refuse
	quiet quiet`)

// newScript makes up a fleet, small as a rule and now and then large, and its life.
func newScript(seed uint64) *script {
	r := rand.New(rand.NewPCG(seed, 7))
	s := &script{seed: seed, hosts: 2 + r.IntN(6), apps: 1 + r.IntN(4)}
	events := 10 + r.IntN(40)
	switch r.IntN(10) {
	case 0:
		s.hosts, s.apps = 10+r.IntN(40), 5+r.IntN(15)
	case 1:
		s.hosts = 1 + r.IntN(2)
	}
	if *soakTime > 0 && r.IntN(60) == 0 {
		s.hosts, s.apps, events = 200+r.IntN(800), 50+r.IntN(150), 10
	}
	for range events {
		s.events = append(s.events, event{
			after: time.Duration(r.ExpFloat64() * float64(10*time.Second)), kind: kinds[r.IntN(len(kinds))],
			host: r.IntN(s.hosts), app: r.IntN(s.apps), n: r.Uint64(),
		})
	}
	return s
}

// soakHosts declare the hosts, in three zones.
func soakHosts(n int, drained, cordoned map[int]bool) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "apiVersion: tallyman/v1\nkind: Host\nmetadata: {name: host-%d, labels: {zone: z%d}}\n", i+1, i%3)
		fmt.Fprintf(&b, "spec: {endpoint: tcp://host-%d:2376, tls: {ca: /ca.pem, cert: /cert.pem, key: /key.pem}, drain: %t, schedulable: %t}\n---\n", i+1, drained[i], !cordoned[i])
	}
	return strings.TrimSuffix(b.String(), "---\n")
}

// soakApp is an app at a version, which says all about it: which services it has,
// and what they are like. Bad ones end at once, or never become healthy.
func soakApp(app int, version uint64, bad string) string {
	r := rand.New(rand.NewPCG(version, uint64(app)))
	policy := []string{"rollback", "pause", "continue"}[r.IntN(3)]
	docs := []string{fmt.Sprintf("apiVersion: tallyman/v1\nkind: App\nmetadata: {name: app%d}\nspec: {onFailure: %s, sync: {maxRemovals: 100000}}\n", app, policy)}
	for n := range 1 + r.IntN(3) {
		docs = append(docs, soakService(r, fmt.Sprintf("a%d-s%d", app, n), bad))
	}
	if r.IntN(2) == 0 {
		docs = append(docs,
			fmt.Sprintf("apiVersion: tallyman/v1\nkind: Volume\nmetadata: {name: data%d}\nspec: {}\n", app),
			serviceManifest(fmt.Sprintf("a%d-db", app), image(r), 1, fmt.Sprintf("mounts: [{volume: data%d, path: /data}]", app), variables(r, "")))
	}
	return strings.Join(docs, "---\n")
}

func soakService(r *rand.Rand, name, bad string) string {
	extra := []string{variables(r, bad)}
	if r.IntN(4) == 0 {
		extra = append(extra, "placement: {spread: [host.labels.zone]}")
	}
	if r.IntN(5) == 0 {
		extra = append(extra, fmt.Sprintf("resources: {limits: {memory: %dMiB}}", 32<<r.IntN(3)))
	}
	if r.IntN(6) == 0 {
		extra = append(extra, "onHostLoss: wait")
	}
	m := serviceManifest(name, image(r), r.IntN(5), extra...)
	if r.IntN(5) == 0 {
		m = strings.Replace(m, "update: {", "update: {order: stop-first, ", 1)
	}
	return m
}

func image(r *rand.Rand) string { return fmt.Sprintf("web:%d", 1+r.IntN(3)) }

func variables(r *rand.Rand, bad string) string {
	if bad != "" {
		return fmt.Sprintf("environment: {FAIL: %s, N: %q}", bad, fmt.Sprint(r.IntN(1000)))
	}
	return fmt.Sprintf("environment: {N: %q}", fmt.Sprint(r.IntN(1000)))
}

// repository is what the script's commits make of the manifests.
type repository struct {
	hosts             int
	drained, cordoned map[int]bool
	apps              map[int]string
	before            []map[int]string // for reverts
}

func newRepository(s *script) *repository {
	p := &repository{hosts: s.hosts, drained: map[int]bool{}, cordoned: map[int]bool{}, apps: map[int]string{}}
	for app := range s.apps {
		p.apps[app] = soakApp(app, s.seed, "")
	}
	return p
}

func (p *repository) tree() fstest.MapFS {
	files := map[string]string{"hosts.yaml": soakHosts(p.hosts, p.drained, p.cordoned)}
	for app, text := range p.apps {
		files[fmt.Sprintf("app%d/app.yaml", app)] = text
	}
	return tree(files)
}

// set changes an app, and remembers how all of them were.
func (p *repository) set(app int, text string) {
	was := map[int]string{}
	for k, v := range p.apps {
		was[k] = v
	}
	p.before = append(p.before, was)
	p.apps[app] = text
	if text == "" {
		delete(p.apps, app)
	}
}
