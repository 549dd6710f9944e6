package simulated

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

func parse(t *testing.T, text string) Spec {
	t.Helper()
	s, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestMadeUpHosts(t *testing.T) {
	s := parse(t, "hosts=5,cpus=0.5,memory=2GiB,labels=disk=ssd,labels=os=a=b,zones=2")
	hosts := s.MadeUp()
	if len(hosts) != 5 || hosts[4].Name != "sim-5" || hosts[4].Labels["zone"] != "z1" || hosts[3].Labels["zone"] != "z2" || hosts[0].Labels["disk"] != "ssd" || hosts[0].Labels["os"] != "a=b" {
		t.Errorf("they are %+v", hosts)
	}
	if s.info.NanoCPUs != 5e8 || s.info.Memory != 2<<30 {
		t.Errorf("they have %+v", s.info)
	}
	if n := len(parse(t, "cpus=8").MadeUp()); n != 0 {
		t.Errorf("%d are made up, and none was asked for", n)
	}
	if added := parse(t, "cpus=8").Added(2); len(added) != 1 || added[0].Host.Name != "new-3" || added[0].Info.NanoCPUs != 8e9 || added[0].Info.Memory != 8<<30 {
		t.Errorf("added are %+v", added)
	}
	for _, text := range []string{"", "8", "hosts=0", "hosts=x", "hosts=999999", "cpus=", "cpus=1e3", "cpus=-1", "cpus=0", "cpus=0.0", "memory=0", "memory=0GiB", "hosts=3,hosts=4", "cpus=1,cpus=2", "memory=4GB4", "memory=1XiB", "labels=a", "colour=red"} {
		if s, err := Parse(text); err == nil {
			t.Errorf("%q is %+v", text, s)
		}
	}
}

// TestHostsTakeTheirTime starts a hundred containers at once, as a real engine
// starts them.
func TestHostsTakeTheirTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := New(parse(t, "hosts=1"))
		e, err := f.Open(model.Host{Name: "sim-1"})
		if err != nil {
			t.Fatal(err)
		}
		again, _ := f.Open(model.Host{Name: "sim-1"})
		if again != e {
			t.Error("opened again it is another host")
		}
		ref := image("web:1")
		do := func(op model.Op) {
			if err := e.Do(context.Background(), op, nil); err != nil {
				t.Error(err)
			}
		}
		begun := time.Now()
		do(model.PullImage{Host: "sim-1", Image: model.WithDigest("web:1", ref.Digest())})
		if took := time.Since(begun); took != 5*time.Second {
			t.Errorf("the pull took %s", took)
		}
		done := make(chan struct{})
		begun = time.Now()
		for i := range 100 {
			go func() {
				name := "web-" + strings.Repeat("i", i+1)
				o := model.Ownership{Owner: "me", App: "a", Service: "web", Slot: name, Name: name, Fingerprint: "f"}
				do(model.CreateContainer{Host: "sim-1", Owner: o, Spec: model.ContainerSpec{Image: model.WithDigest("web:1", ref.Digest())}})
				do(model.StartContainer{Target: model.Target{Host: "sim-1", Name: name, Owner: "me", Fingerprint: "f"}})
				done <- struct{}{}
			}()
		}
		for range 100 {
			<-done
		}
		if took := time.Since(begun); took < 12*time.Second || took > 25*time.Second {
			t.Errorf("100 starts took %s; a real engine does 4 to 8 in a second", took)
		}
		state, err := e.Observe(context.Background(), engine.Query{Owner: "me", Images: []string{"only-there:1", "far@sha256:00"}})
		if err != nil || len(state.Containers) != 100 || state.Images["only-there:1"] == "" || state.Images["far@sha256:00"] != "" {
			t.Errorf("%v: %d containers, images %v: what is named without a digest is there", err, len(state.Containers), state.Images)
		}
	})
}

func TestNothingRealIsClaimed(t *testing.T) {
	real := t.TempDir()
	if err := os.WriteFile(filepath.Join(real, "journal.db"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Claim(real); err == nil || Is(real) {
		t.Errorf("a real installation's directory was claimed: %v", err)
	}
	dir := filepath.Join(t.TempDir(), "new")
	for range 2 {
		if err := Claim(dir); err != nil || !Is(dir) {
			t.Errorf("a new one is not a simulation's: %v", err)
		}
	}
}
