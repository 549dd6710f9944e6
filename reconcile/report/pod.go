package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
)

// Member is one container of a replica that is a pod.
type Member struct {
	Name      string    `json:"name"`
	Role      string    `json:"role"`
	Container string    `json:"container"` // its name on the host
	ID        string    `json:"id"`
	Image     string    `json:"image,omitempty"`
	State     string    `json:"state,omitempty"`
	Health    string    `json:"health,omitempty"` // as its health check says
	ExitCode  int       `json:"exitCode,omitempty"`
	Since     time.Time `json:"since,omitzero"`
	Restarts  int       `json:"restarts,omitempty"`
	Reason    string    `json:"reason,omitempty"`
}

// members are the containers of a pod.
func members(pod *model.Container) []Member {
	var out []Member
	for i := range pod.Pod {
		c := &pod.Pod[i]
		m := Member{
			Name: c.Owner.Member, Role: c.Owner.Role, Container: c.Name, ID: c.ID, State: string(c.State), Health: string(c.Health),
			ExitCode: c.ExitCode, Since: c.StartedAt, Restarts: c.RestartCount,
		}
		if c.Spec != nil {
			m.Image = c.Spec.Image
		}
		if !c.Running() {
			m.Since = c.FinishedAt
		}
		switch {
		case c.State == model.StateRunning && c.Health == model.HealthUnhealthy:
			m.Reason = plan.Unhealthy(c)
		case c.State == model.StateExited && (c.ExitCode != 0 || c.Owner.Role != model.RoleInit):
			m.Reason = plan.Ended(c)
		}
		out = append(out, m)
	}
	return out
}

// In is the replica with the container of that name in place of the one that the
// service is about; "" is that one.
func (r Replica) In(container string) (Replica, error) {
	if container == "" || len(r.Members) == 0 && container == model.MainName {
		return r, nil
	}
	i := slices.IndexFunc(r.Members, func(m Member) bool { return m.Name == container })
	if i < 0 {
		var names []string
		for _, m := range r.Members {
			names = append(names, m.Name)
		}
		if len(names) == 0 {
			names = []string{model.MainName}
		}
		return r, fmt.Errorf("find container %q of replica %q: there is none; it has %s", container, r.Key(), strings.Join(names, ", "))
	}
	r.Container, r.ID, r.Image = r.Members[i].Container, r.Members[i].ID, r.Members[i].Image
	return r, nil
}

// describeMembers lists the containers of a pod.
func (t *text) describeMembers(s *Status, r *Replica) {
	if len(r.Members) == 0 {
		return
	}
	t.gap()
	rows := [][]cell{header("CONTAINER", "ROLE", "STATE", "HEALTH", "SINCE", "RESTARTS", "IMAGE", "WHY")}
	for i := range r.Members {
		m := &r.Members[i]
		rows = append(rows, []cell{
			word(m.Name), word(m.Role), word(or(m.State)), word(or(m.Health)), word(ago(s.Time, m.Since)),
			word(fmt.Sprint(m.Restarts)), word(or(clean(m.Image))), word(clean(m.Reason)),
		})
	}
	t.table("", rows)
}
