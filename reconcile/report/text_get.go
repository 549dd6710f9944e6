package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// Kinds are the kinds of things that Get and GetText know.
func Kinds() []string {
	return []string{"hosts", "apps", "services", "replicas", "jobs", "volumes", "networks", "previews", "images"}
}

// GetText writes one kind of thing as a table. It reports false for a kind that
// there is none of.
func GetText(w io.Writer, s *Status, kind string, style Style) (known bool, err error) {
	t := &text{Style: style}
	switch kind {
	case "hosts":
		t.hostTable(s)
	case "apps":
		t.appTable(s)
	case "services":
		t.serviceTable(s)
	case "replicas":
		t.replicaTable(s, Replicas(s))
	case "volumes":
		t.volumeTable(s)
	case "networks":
		t.networkTable(s)
	case "previews":
		t.previewTable(s)
	case "images":
		t.imageTable(s)
	case "jobs":
		t.jobTable(s, Jobs(s))
	default:
		return false, nil
	}
	return true, t.to(w)
}

// Get is the same as data: a list.
func Get(s *Status, kind string) (list any, known bool) {
	switch kind {
	case "hosts":
		return s.Hosts, true
	case "apps":
		return s.Apps, true
	case "services":
		return Services(s), true
	case "replicas":
		return Replicas(s), true
	case "volumes":
		return append([]VolumeOnHost{}, s.Volumes...), true
	case "networks":
		return append([]NetworkOnHost{}, s.Networks...), true
	case "previews":
		return append([]Preview{}, s.Previews...), true
	case "images":
		return append([]ImagePolicy{}, s.ImagePolicies...), true
	case "jobs":
		return Jobs(s), true
	}
	return nil, false
}

// Services are the services of all apps.
func Services(s *Status) []Service {
	all := []Service{}
	for i := range s.Apps {
		all = append(all, s.Apps[i].Services...)
	}
	return all
}

// Replicas are the replicas of all services.
func Replicas(s *Status) []Replica {
	all := []Replica{}
	for _, v := range Services(s) {
		all = append(all, v.Replicas...)
	}
	return all
}

func (t *text) hostTable(s *Status) {
	rows := [][]cell{header("HOST", "STATE", "REPLICAS", "CPUS", "MEMORY", "ENGINE", "ENDPOINT", "WHY")}
	for i := range s.Hosts {
		h := &s.Hosts[i]
		state, color := hostState(h)
		rows = append(rows, []cell{
			word(h.Name), colored(state, color), word(fmt.Sprint(h.Replicas)), h.cpuCell(), h.memoryCell(),
			word(or(h.Version)), word(or(h.Endpoint)), word(clean(h.why())),
		})
	}
	t.table("", rows)
}

func hostState(h *Host) (state, color string) {
	switch {
	case h.Condition == model.Lost:
		return "lost", red
	case !h.Reachable && h.Condition == model.Ready:
		return "no answer", yellow
	case !h.Reachable:
		return "unreachable", red
	case h.Empty() && h.Drain:
		return "drained", yellow
	case h.Drain:
		return "draining", yellow
	case h.Leaving:
		return "leaving", yellow
	case !h.Schedulable:
		return "cordoned", yellow
	}
	return "ready", green
}

func (t *text) replicaTable(s *Status, replicas []Replica) {
	rows := [][]cell{header("REPLICA", "HOST", "STATE", "HEALTH", "SINCE", "RESTARTS", "REVISION", "IMAGE", "WHY")}
	for i := range replicas {
		r := &replicas[i]
		rows = append(rows, []cell{
			word(r.Key()), word(or(r.Host)), word(or(r.State)), colored(string(r.Health), healthColor(r.Health)), word(ago(s.Time, r.Since)),
			word(fmt.Sprint(r.Restarts)), word(or(short(r.Revision))), word(or(clean(r.Image))), word(clean(r.Reason)),
		})
	}
	t.table("", rows)
}

// Key is the service's name for people: shop/web.
func (v *Service) Key() string { return v.App + "/" + v.Name }

// Key is the replica's name for people: shop/web-2.
func (r *Replica) Key() string { return r.App + "/" + r.Service + "-" + r.Slot }

func number(f float64) string {
	if f == 0 {
		return "-"
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", f), ".0")
}

func size(bytes int64) string {
	const mebi, gibi = 1 << 20, 1 << 30
	switch {
	case bytes == 0:
		return "-"
	case bytes < gibi:
		return fmt.Sprintf("%dMiB", bytes/mebi)
	}
	return number(float64(bytes)/gibi) + "GiB"
}
