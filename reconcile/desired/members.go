package desired

import (
	"fmt"
	"slices"

	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// members are the containers of a replica besides the service's own.
func (b *builder) members(s *manifest.Service, names hostNames) ([]model.Member, error) {
	var out []model.Member
	for i := range s.Spec.InitContainers {
		c := &s.Spec.InitContainers[i]
		m, err := b.member(s, member{c.Name, model.RoleInit, &c.Process}, names)
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	for i := range s.Spec.Sidecars {
		c := &s.Spec.Sidecars[i]
		m, err := b.member(s, member{c.Name, model.RoleSidecar, &c.Process}, names)
		if err != nil {
			return nil, err
		}
		m.Container.HealthCheck = healthCheck(c.HealthCheck)
		m.Container.Adjustable.Restart = restart(s.Spec.Restart)
		m.Fingerprint = model.Fingerprint(m.Container)
		out = append(out, m)
	}
	return out, nil
}

// member is a container as it is declared.
type member struct {
	name, role string
	*manifest.Process
}

func (b *builder) member(s *manifest.Service, declared member, names hostNames) (model.Member, error) {
	process := *declared.Process
	process.Mounts = slices.Concat(process.Mounts, s.Spec.SharedMounts(process.Mounts))
	spec, err := b.process(s.App, &process, names)
	if err != nil {
		return model.Member{}, fmt.Errorf("container %q: %w", declared.name, err)
	}
	return model.Member{
		Name: declared.name, Role: declared.role, Pull: process.Pull, Container: spec, Fingerprint: model.Fingerprint(spec),
	}, nil
}
