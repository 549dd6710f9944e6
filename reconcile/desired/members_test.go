package desired_test

import (
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

const podManifest = `apiVersion: tallyman/v1
kind: Service
metadata: {name: web}
spec:
  image: web:1
  hostname: web
  ports: [{port: 80}]
  mounts: [{volume: data, path: /data}, {bind: /srv, path: /srv}, {tmpfs: /tmp}]
  initContainers: [{name: prepare, image: 'init:1'}]
  sidecars: [{name: proxy, image: 'proxy:1', mounts: [{bind: /etc, path: /srv}], healthCheck: {command: [/check]}}]
---
apiVersion: tallyman/v1
kind: Volume
metadata: {name: data}
`

func podFrom(t *testing.T, text string) model.Service {
	t.Helper()
	return build(t, strings.Split(text, "---\n")...).Apps[0].Services[0]
}

func TestMembersHaveThePodsMountsAndNotItsNetwork(t *testing.T) {
	s := podFrom(t, podManifest)
	if len(s.Members) != 2 || s.Members[0].Role != model.RoleInit || s.Members[1].Role != model.RoleSidecar {
		t.Fatalf("its members are %+v", s.Members)
	}
	for i, want := range [][]string{{"/data volume", "/srv bind /srv"}, {"/data volume", "/srv bind /etc"}} {
		c := s.Members[i].Container
		if len(c.Networks) > 0 || len(c.Ports) > 0 || c.Hostname != "" {
			t.Errorf("%s has what is the pod's: %+v", s.Members[i].Name, c)
		}
		if len(c.Mounts) != 2 {
			t.Fatalf("%s mounts %+v", s.Members[i].Name, c.Mounts)
		}
		for j, m := range c.Mounts {
			if got := m.Target + " " + m.Kind + " " + m.Source; !strings.HasPrefix(got, want[j]) {
				t.Errorf("%s mounts %q, want %q", s.Members[i].Name, got, want[j])
			}
		}
	}
	if s.Members[0].Container.Adjustable.Restart != (model.Restart{}) || s.Members[1].Container.Adjustable.Restart.Name != "unless-stopped" {
		t.Error("the engine must bring sidecars back, and init containers never")
	}
	if s.Members[1].Container.HealthCheck == nil || len(s.Holds) != 1 {
		t.Errorf("the health check or the hold is missing: %+v", s)
	}
}

func TestWhatIsInAPodsFingerprint(t *testing.T) {
	before := podFrom(t, podManifest)
	for change, same := range map[string]bool{"proxy:1|proxy:2": true, "init:1|init:2": false, "web:1|web:2": false, "hostname: web|hostname: other": false} {
		from, to, _ := strings.Cut(change, "|")
		after := podFrom(t, strings.Replace(podManifest, from, to, 1))
		if (after.Fingerprint == before.Fingerprint) != same {
			t.Errorf("%s: the pod's fingerprint stays %t, want %t", change, !same, same)
		}
		if proxy := after.Members[1].Fingerprint == before.Members[1].Fingerprint; proxy != (from != "proxy:1") {
			t.Errorf("%s: the sidecar's fingerprint stays %t", change, proxy)
		}
	}
}
