package place

import (
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// db holds the exclusive volume "data".
func db() model.Service {
	s := model.Service{App: "shop", Name: "db", Mode: model.ModeReplicated, Replicas: 1, Fingerprint: "f1"}
	s.Holds = []model.Hold{{Volume: "data", HostName: "shop-data"}}
	return s
}

func store(live *model.Live, host, volume string) {
	for i := range live.Hosts {
		if live.Hosts[i].Name == host {
			live.Hosts[i].Volumes = append(live.Hosts[i].Volumes, model.VolumeState{Name: volume, Owner: model.Ownership{Owner: "me", App: "shop", Name: volume}})
		}
	}
}

func lose(live *model.Live, host string, known bool) {
	for i := range live.Hosts {
		if live.Hosts[i].Name == host {
			live.Hosts[i].Reachable, live.Hosts[i].Known = false, known
		}
	}
}

// ended is a container of db that ran until a time.
func ended(suffix string, until time.Time) model.Container {
	c := container(db(), "1", suffix)
	c.State, c.StartedAt, c.FinishedAt = model.StateExited, until.Add(-time.Hour), until
	return c
}

func TestPin(t *testing.T) {
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		live        func(*model.Live)
		service     func(*model.Service)
		hosts       func([]model.Host) []model.Host
		kept        string
		making      bool // there
		want, says  string
		refusedHost string
	}{
		"no volume anywhere":  {want: "db-1@a"},
		"the volume is there": {live: func(l *model.Live) { store(l, "b", "shop-data") }, want: "db-1@b"},
		"somebody else's volume of that name counts for nothing": {
			live: func(l *model.Live) {
				l.Hosts[1].Volumes = []model.VolumeState{{Name: "shop-data", Owner: model.Ownership{Owner: "them"}}}
			}, want: "db-1@a"},
		"unless it is external": {
			live:    func(l *model.Live) { l.Hosts[1].Volumes = []model.VolumeState{{Name: "shop-data"}} },
			service: func(s *model.Service) { s.Holds[0].External = true }, want: "db-1@b"},
		"external and nowhere": {
			service: func(s *model.Service) { s.Holds[0].External = true },
			want:    "no db-1", says: `its external volume "data" is on no host; make it with ` + "`docker volume create shop-data`"},
		"the host is away": {
			live: func(l *model.Live) { store(l, "b", "shop-data"); lose(l, "b", true) },
			want: "no db-1", says: `no host for db-1: its volume "data" is on b, which is unreachable`, refusedHost: "b"},
		"the host is away, and its container": {
			live: func(l *model.Live) {
				store(l, "b", "shop-data")
				put(l, "b", container(db(), "1", "x"))
				lose(l, "b", true)
			}, want: "db-1@=b"},
		"the host is cordoned": {
			live:  func(l *model.Live) { store(l, "b", "shop-data") },
			hosts: func(h []model.Host) []model.Host { h[1].Schedulable = false; return h },
			want:  "no db-1", says: `its volume "data" is on b, which is cordoned`, refusedHost: "b"},
		"the host is being drained": {
			live:  func(l *model.Live) { store(l, "b", "shop-data"); put(l, "b", container(db(), "1", "x")) },
			hosts: func(h []model.Host) []model.Host { h[1].Drain = true; return h },
			want:  "db-1@=b"},
		"a constraint says otherwise": {
			live: func(l *model.Live) { store(l, "b", "shop-data"); put(l, "b", container(db(), "1", "x")) },
			service: func(s *model.Service) {
				s.Placement.Constraints = []model.Constraint{{Attribute: "host.name", Operator: "==", Value: "a"}}
			}, want: "no db-1", says: `its volume "data" is on b, which does not satisfy host.name == a`, refusedHost: "b"},
		"the host is not declared any more": {
			live:  func(l *model.Live) { store(l, "b", "shop-data") },
			hosts: func(h []model.Host) []model.Host { return []model.Host{h[0], h[2]} },
			want:  "no db-1", says: `is on b, which is not in the manifests any more; declare the host again`},
		"on several, and one runs it": {
			live: func(l *model.Live) {
				store(l, "a", "shop-data")
				store(l, "b", "shop-data")
				put(l, "a", ended("x", noon))
				put(l, "b", container(db(), "1", "y"))
			}, want: "db-1@=b"},
		"on several, and one ran it last": {
			live: func(l *model.Live) {
				store(l, "a", "shop-data")
				store(l, "b", "shop-data")
				put(l, "a", ended("x", noon))
				put(l, "b", ended("y", noon.Add(-time.Minute)))
			}, want: "db-1@=a"},
		"on several, and one that is away may run it": {
			live: func(l *model.Live) {
				store(l, "a", "shop-data")
				store(l, "b", "shop-data")
				put(l, "a", ended("x", noon))
				put(l, "b", model.Container{ID: "y", Name: "shop-db-1-y", Owner: container(db(), "1", "y").Owner})
				lose(l, "b", true)
			}, want: "db-1@=b"},
		"on several, and nobody knows": {
			live: func(l *model.Live) { store(l, "c", "shop-data"); store(l, "b", "shop-data") },
			want: "no db-1", says: `its volume "data" is on b and c, and no container tells which of them has its data; remove what is not it with ` + "`tallyman volume remove`"},
		"on several, and it was put on one": {
			live: func(l *model.Live) { store(l, "c", "shop-data"); store(l, "b", "shop-data") },
			kept: "c", want: "db-1@c"},
		"it was put on a host that is away": {
			live: func(l *model.Live) { lose(l, "c", true) }, kept: "c",
			want: "no db-1", says: `its volume "data" may be on c, which is unreachable`, refusedHost: "c"},
		"it was put on a host that does not show it yet": {kept: "c", want: "db-1@c"},
		"it was put on a host that does not show it yet, and the service is elsewhere": {
			live: func(l *model.Live) { put(l, "b", container(db(), "1", "without")) }, kept: "c", want: "db-1@c"},
		"it was put nowhere, and the service is somewhere": {
			live: func(l *model.Live) { put(l, "b", container(db(), "1", "without")) }, want: "db-1@=b"},
		"it was put on a host that takes nothing new now": {
			kept: "c", hosts: func(h []model.Host) []model.Host { h[2].Drain = true; return h }, want: "db-1@a"},
		"it was put on a host that takes nothing new now, and is making it": {
			kept: "c", making: true, hosts: func(h []model.Host) []model.Host { h[2].Drain = true; return h },
			want: "no db-1", says: `its volume "data" may be on c, which is being drained`, refusedHost: "c"},
		"nobody has ever seen a host": {
			live: func(l *model.Live) { lose(l, "c", false) },
			want: "no db-1", says: `its volume "data" may be on c, which is unreachable`, refusedHost: "c"},
		"a host without it is away": {live: func(l *model.Live) { lose(l, "c", true) }, want: "db-1@a"},
		"two volumes apart": {
			service: func(s *model.Service) {
				s.Holds = append(s.Holds, model.Hold{Volume: "wal", HostName: "shop-wal"})
			},
			live: func(l *model.Live) { store(l, "a", "shop-wal"); store(l, "b", "shop-data") },
			want: "no db-1", says: `its volumes are on different hosts: "data" is on b and "wal" on a`},
		"two volumes, one of them new": {
			service: func(s *model.Service) {
				s.Holds = []model.Hold{{Volume: "a-new-one", HostName: "shop-new"}, s.Holds[0]}
			},
			live: func(l *model.Live) { store(l, "b", "shop-data") }, want: "db-1@b"},
		"no replica": {
			service: func(s *model.Service) { s.Replicas = 0 },
			live:    func(l *model.Live) { store(l, "b", "shop-data"); lose(l, "b", true) }},
	} {
		t.Run(name, func(t *testing.T) {
			hosts, live := fleet("a", "b", "c")
			s := db()
			if tc.live != nil {
				tc.live(&live)
			}
			if tc.service != nil {
				tc.service(&s)
			}
			if tc.hosts != nil {
				hosts = tc.hosts(hosts)
			}
			kept := func(app, volume string) string {
				if app == "shop" && volume == "shop-data" {
					return tc.kept
				}
				return ""
			}
			r := Place(Input{
				Services: []model.Service{s}, Hosts: hosts, Live: live, Owner: "me", Kept: kept,
				Making: func(host, volume string) bool { return tc.making && host == tc.kept && volume == "shop-data" },
			})
			expect(t, r, tc.want)
			for _, refusal := range r.Refusals {
				if !strings.Contains(refusal.Reason, tc.says) || refusal.Host != tc.refusedHost {
					t.Errorf("refused for host %q because %q, want for host %q because %q", refusal.Host, refusal.Reason, tc.refusedHost, tc.says)
				}
			}
			for _, a := range r.Assignments {
				if len(a.Holds) != len(s.Holds) {
					t.Errorf("the assignment holds %v, the service %v", a.Holds, s.Holds)
				}
			}
		})
	}
}
