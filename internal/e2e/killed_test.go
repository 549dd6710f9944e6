package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"
)

// life is an installation on its way through good and bad commits, with a
// controller that may be killed on the way.
type life struct {
	*world
	controller *controller
	random     *rand.Rand // when it is killed; nil is never
	revisions  map[string]string
	held       []string // the shop's containers at the moment when it was held
}

// stage is a part of a life: what a person does, what must come of it, and how
// often the controller is killed in between.
type stage struct {
	name  string
	do    func(l *life)
	ended func(l *life)
	kills int
}

// stages are a rollout, a failure and its way back, a hold, an unrelated commit
// beside it, a better commit, a pin and its end. The kills are 30 in all.
func stages() []stage {
	shopThere := func(revision, kind string) func(l *life) {
		return func(l *life) {
			l.until("shop", fmt.Sprintf("it runs as at commit %q, held by %q", revision, kind), there(l.revisions[revision], kind))
		}
	}
	return []stage{
		{"the first rollout", func(l *life) { l.shop("tallyman/hello:1", ""); l.blog("tallyman/hello:1"); l.save("first") }, shopThere("first", ""), 3},
		{"a good commit", func(l *life) { l.shop("tallyman/hello:2", ""); l.save("good") }, shopThere("good", ""), 4},
		{"a bad commit", func(l *life) { l.shop("tallyman/hello:1", `FAIL: exit, EXIT_CODE: "3"`); l.save("bad") }, func(l *life) {
			shopThere("good", "rollback")(l)
			l.held = ids(l.of("db", "web"))
		}, 6},
		{"a hold", func(*life) {}, func(l *life) { l.stillHeld() }, 3},
		{"an unrelated commit", func(l *life) { l.blog("tallyman/hello:2"); l.save("unrelated") }, func(l *life) {
			l.until("blog", "it runs as at the unrelated commit", there(l.revisions["unrelated"], ""))
			l.stillHeld()
		}, 4},
		{"a better commit", func(l *life) { l.shop("tallyman/hello:1", "MESSAGE: better"); l.save("better") }, shopThere("better", ""), 3},
		{"a pin", func(l *life) { l.order("rollback", "shop", "--to", l.revisions["good"], "--pin", "--by", "ada") }, shopThere("good", "pin"), 4},
		{"the end of the pin", func(l *life) { l.order("resume", "shop") }, shopThere("better", ""), 3},
	}
}

// shop writes an app with a database that keeps data, and a web front that needs
// it and has more environment.
func (l *life) shop(image, environment string) {
	const service = "apiVersion: tallyman/v1\nkind: Service\nmetadata: {name: %s}\nspec:\n  image: %s\n  pull: never\n  replicas: %d\n" +
		"  stopGracePeriod: 2s\n  update: {monitor: 500ms, deadline: 1m}\n  networks: [front]\n  %s\n"
	l.write("shop/app.yaml", "apiVersion: tallyman/v1\nkind: App\nmetadata: {name: shop}\nspec: {}\n")
	l.write("shop/things.yaml", "apiVersion: tallyman/v1\nkind: Network\nmetadata: {name: front}\nspec: {}\n---\napiVersion: tallyman/v1\nkind: Volume\nmetadata: {name: data}\nspec: {}\n")
	l.write("shop/db.yaml", fmt.Sprintf(service, "db", image, 1, "mounts: [{volume: data, path: /data}]"))
	l.write("shop/web.yaml", fmt.Sprintf(service, "web", image, 3, "dependsOn: [db]\n  environment: {"+environment+"}"))
}

func (l *life) blog(image string) {
	l.write("blog/app.yaml", "apiVersion: tallyman/v1\nkind: App\nmetadata: {name: blog}\nspec: {}\n")
	l.write("blog/blog.yaml", "apiVersion: tallyman/v1\nkind: Service\nmetadata: {name: blog}\nspec: {image: "+image+", pull: never, stopGracePeriod: 2s, update: {monitor: 500ms}}\n")
}

func (l *life) save(subject string) { l.revisions[subject] = l.commit(subject) }

// order gives the controller an order, once it listens: without one the verb
// would write into the journal itself.
func (l *life) order(verb ...string) {
	l.t.Helper()
	for deadline := time.Now().Add(patience); !l.listens(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			l.t.Fatalf("no controller listens after %s", patience)
		}
	}
	l.expect(0, verb...)
}

func (l *life) listens() bool {
	sockets, _ := filepath.Glob(filepath.Join(l.state, "*.sock"))
	for _, path := range sockets {
		if conn, err := net.Dial("unix", path); err == nil {
			_ = conn.Close()
			return true
		}
	}
	return false
}

// of are the containers of some services.
func (l *life) of(services ...string) []replica {
	return slices.DeleteFunc(l.live(), func(r replica) bool { return !slices.Contains(services, r.service) })
}

// stillHeld says that nothing touched the shop since it was held.
func (l *life) stillHeld() {
	l.t.Helper()
	l.until("shop", "it is still held", there(l.revisions["good"], "rollback"))
	if now := l.of("db", "web"); !slices.Equal(ids(now), l.held) {
		l.t.Errorf("the held app was touched; it has now\n%s", list(now))
	}
}

// live through it all, and tell how it ends.
func (l *life) run() string {
	l.controller = l.serve()
	for _, s := range stages() {
		s.do(l)
		for range s.kills {
			l.kill(s.name)
		}
		s.ended(l)
		if l.t.Failed() {
			l.t.FailNow()
		}
	}
	return l.end()
}

// kill kills the controller at a random moment and starts another one.
func (l *life) kill(during string) {
	if l.random == nil {
		return
	}
	after := time.Duration(l.random.IntN(2500)) * time.Millisecond
	time.Sleep(after)
	l.controller.kill()
	l.t.Logf("%s: killed after %s", during, after)
	l.controller = l.serve()
}

// end is how it ends, without what differs from one installation to the next.
func (l *life) end() string {
	var b strings.Builder
	apps, _ := l.apps()
	for _, name := range []string{"blog", "shop"} {
		a := apps[name]
		fmt.Fprintf(&b, "app %s: %s, %s, %s, held %v\n%s\n", name, a.Sync, a.Health, a.Phase, a.Held != nil, l.history(name))
	}
	var lines []string
	for _, r := range l.live() {
		lines = append(lines, fmt.Sprintf("container of %s-%s: %s %s", r.service, r.slot, r.image, r.state))
	}
	ctx, c := context.Background(), l.hosts["local"]
	mine := filters.NewArgs(filters.Arg("label", "tallyman.owner="+l.owner))
	networks, err := c.NetworkList(ctx, network.ListOptions{Filters: mine})
	if err != nil {
		l.t.Fatal(err)
	}
	for i := range networks {
		lines = append(lines, "network "+ownName(networks[i].Name))
	}
	volumes, err := c.VolumeList(ctx, volume.ListOptions{Filters: mine})
	if err != nil {
		l.t.Fatal(err)
	}
	for _, v := range volumes.Volumes {
		lines = append(lines, "volume "+ownName(v.Name))
	}
	slices.Sort(lines)
	b.WriteString(strings.Join(lines, "\n"))
	l.expect(0, "plan")
	return b.String()
}

// ownName leaves out the end of a network's or volume's name, which is made from
// the owner. Two of one name stay two.
func ownName(name string) string { return name[:max(0, strings.LastIndexByte(name, '-'))] }

// sane is the history that the life of an app has, however often its controller
// was killed: each rollout once, the failure once, and one way back.
const sane = `first: complete
good: complete
bad: failed
good: complete, on the way back from bad
better: complete
good: complete, pinned
better: complete`

// TestKilledAtThirtyMoments kills the controller 30 times with kill -9, at random
// moments of a life with failures, holds and pins, and looks for the same end as
// in a life that nothing disturbed.
func TestKilledAtThirtyMoments(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	kills := 0
	for _, s := range stages() {
		kills += s.kills
	}
	if kills != 30 {
		t.Fatalf("there are %d kills, want 30", kills)
	}
	var undisturbed, killed string
	t.Run("both", func(t *testing.T) { // at the same time, which is two installations on one host besides
		for name, into := range map[string]*string{"undisturbed": &undisturbed, "killed": &killed} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w, _ := localWorld(t)
				l := &life{world: w, revisions: map[string]string{}}
				if name == "killed" {
					l.random = rand.New(rand.NewPCG(seed, 0))
				}
				*into = l.run()
			})
		}
	})
	if t.Failed() {
		return
	}
	if !strings.Contains(undisturbed, sane) {
		t.Errorf("the undisturbed life ended as\n%s\nwant a history of\n%s", undisturbed, sane)
	}
	if killed != undisturbed {
		t.Errorf("the disturbed life ended as\n%s\nthe undisturbed one as\n%s", killed, undisturbed)
	}
}
