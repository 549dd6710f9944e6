package desired

import (
	"slices"
	"sort"
	"time"

	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

func (b *builder) service(s *manifest.Service, names hostNames) (model.Service, error) {
	spec, err := b.container(s.App, &s.Spec.Workload, names)
	if err != nil {
		return model.Service{}, err
	}
	for i := range spec.Networks {
		if n := &spec.Networks[i]; n.Network != model.HostNetwork && n.Network != model.NoNetwork {
			n.Aliases = []string{s.Metadata.Name} // on the engine's own nobody is asked for by name
		}
	}
	spec.Ports, spec.HealthCheck = ports(s.Spec.Ports), healthCheck(s.Spec.HealthCheck)
	spec.Adjustable.Restart = restart(s.Spec.Restart)
	members, err := b.members(s, names)
	if err != nil {
		return model.Service{}, err
	}
	fingerprint := model.Fingerprint(spec)
	if len(members) > 0 {
		fingerprint = model.PodFingerprint(spec, members)
	}
	svc := model.Service{
		App:         s.App,
		Name:        s.Metadata.Name,
		Mode:        s.Spec.Mode,
		Pull:        s.Spec.Pull,
		Container:   spec,
		Fingerprint: fingerprint,
		Members:     members,
		Reserve:     reserve(&s.Spec),
		Priority:    s.Spec.Priority,
		Placement:   placement(s.Spec.Placement),
		Update:      update(s.Spec.Update),
		DependsOn:   sorted(s.Spec.DependsOn),
		Holds:       holds(allMounts(&s.Spec), names),
		OnHostLoss:  s.Spec.OnHostLoss,
	}
	for _, path := range s.Spec.IgnoreDifferences {
		svc.Ignore = append(svc.Ignore, string(path))
	}
	sort.Strings(svc.Ignore)
	if s.Spec.Replicas != nil {
		svc.Replicas = *s.Spec.Replicas
	}
	return svc, nil
}

// allMounts are those of all containers of a replica.
func allMounts(s *manifest.ServiceSpec) []manifest.Mount {
	var all []manifest.Mount
	for _, p := range s.Processes() {
		all = append(all, p.Mounts...)
	}
	return all
}

// holds are the exclusive volumes among the mounts, each once.
func holds(mounts []manifest.Mount, names hostNames) []model.Hold {
	var out []model.Hold
	for _, m := range mounts {
		if v := names.volumes[m.Volume]; v != nil && v.Exclusive {
			out = append(out, model.Hold{Volume: v.Name, HostName: v.HostName, External: v.External})
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Volume < out[j].Volume })
	return slices.Compact(out)
}

func update(u manifest.Update) model.Update {
	out := model.Update{
		Order: u.Order, Parallelism: model.Portion(u.Parallelism), MaxFailures: model.Portion(u.MaxFailures), MinHealthy: model.Portion(u.MinHealthy),
		Delay: time.Duration(u.Delay), Monitor: time.Duration(u.Monitor), Deadline: time.Duration(u.Deadline),
	}
	if c := u.Canary; c != nil {
		out.Canary = model.Canary{
			Replicas: model.Portion(c.Replicas), PromoteAfter: time.Duration(c.PromoteAfter.After), Manual: c.PromoteAfter.Manual,
		}
	}
	return out
}

// sorted is a sorted copy; an empty list is none.
func sorted(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	out := append([]string(nil), list...)
	sort.Strings(out)
	return out
}
