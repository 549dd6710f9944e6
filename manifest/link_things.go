package manifest

import "fmt"

// reserved refuses networks that have the name of one that every host has.
func (k *linker) reserved() {
	for _, n := range k.set.Networks {
		if everyHostHas(n.Metadata.Name) {
			k.nameError(n, fmt.Sprintf("%s is the name of a network that every host has", n.Metadata.Name)).Hint =
				fmt.Sprintf("services join it with networks: [%s], without a document", n.Metadata.Name)
		}
	}
}

// holders refuses what would give an exclusive volume more than one holder at a
// time.
func (k *linker) holders() {
	volumes := byName(k.set.Volumes)
	for _, j := range k.set.Jobs {
		for _, r := range j.refs {
			if v, _ := volumes.of(j.App, r.name).(*Volume); r.kind == KindVolume && v != nil && len(v.wrong) == 0 && v.Spec.Exclusive() {
				k.errorAt(j, r.place, r.path, fmt.Sprintf("volume %q is exclusive: a run could only have it while its service is stopped", r.name)).Hint =
					"reach the data through the service, or give it access: shared at " + where(v)
			}
		}
	}
	first := map[string]*Service{} // by the volume's name on the hosts
	for _, s := range k.set.Services {
		for _, r := range s.refs {
			v, _ := volumes.of(s.App, r.name).(*Volume)
			if r.kind != KindVolume || v == nil || len(v.wrong) > 0 || !v.Spec.Exclusive() {
				continue
			}
			reason := s.Spec.manyHolders()
			if other := first[v.onHosts()]; other != nil && other != s {
				reason = fmt.Sprintf("service %q mounts it too", other.Metadata.Name)
			}
			first[v.onHosts()] = s
			if reason != "" {
				k.errorAt(s, r.place, r.path, fmt.Sprintf("volume %q is exclusive: %s", r.name, reason)).Hint =
					"what several may have at once takes access: shared at " + where(v)
			}
		}
	}
}

// onHosts is a name for the volume that only what is the same volume shares.
func (v *Volume) onHosts() string {
	if v.Spec.External != nil {
		return "external " + v.Spec.External.NameOn(v.Metadata.Name)
	}
	return v.App + "/" + v.Metadata.Name
}

// manyHolders says what is asked of the service that one holder at a time can't
// give, or "".
func (s *ServiceSpec) manyHolders() string {
	switch {
	case s.Mode == "global":
		return "a service with mode global has a replica on every host"
	case s.Replicas != nil && *s.Replicas > 1:
		return fmt.Sprintf("%d replicas would each mount it", *s.Replicas)
	case s.Update.Order == "start-first":
		return "with order: start-first the new replica would mount it while the old one runs"
	case s.Replicas != nil && *s.Replicas == 1 && s.Update.MinHealthy.of(1) > 0:
		return "its old replica stops before the new one starts, which minHealthy does not allow"
	case s.Restart.Policy == "always":
		return "restart: always would bring back a replaced container when the engine restarts; unless-stopped does not"
	}
	return ""
}
