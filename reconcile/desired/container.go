package desired

import (
	"time"

	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// container is the normal form of what reaches the container of a service or a
// job, alike.
func (b *builder) container(app string, spec *manifest.Workload, names hostNames) (model.ContainerSpec, error) {
	out, err := b.process(app, &spec.Process, names)
	if err != nil {
		return out, err
	}
	out.Networks, out.Hostname, out.Sysctls, out.ExtraHosts = attachments(spec, names), spec.Hostname, sysctls(spec.Sysctls), extraHosts(spec.ExtraHosts)
	out.DNS = model.DNS{Servers: list(spec.DNS.Servers), Search: list(spec.DNS.Search), Options: list(spec.DNS.Options)}
	return out, nil
}

// process is all of it but the network, which a pod's containers share.
func (b *builder) process(app string, spec *manifest.Process, names hostNames) (model.ContainerSpec, error) {
	files, err := b.files(spec.Files)
	if err != nil {
		return model.ContainerSpec{}, err
	}
	secretEnv, err := b.secretEnv(spec.Environment)
	if err != nil {
		return model.ContainerSpec{}, err
	}
	return model.ContainerSpec{
		Image:      b.image(app, spec.Pull, spec.Image),
		Entrypoint: list(spec.Entrypoint),
		Command:    list(spec.Command),
		Env:        environment(spec.Environment),
		SecretEnv:  secretEnv,
		User:       spec.User,
		WorkingDir: spec.WorkingDir,
		Labels:     copyMap(spec.Labels),
		Files:      files,
		Mounts:     mounts(spec.Mounts, names),
		StopSignal: spec.StopSignal,
		StopGrace:  time.Duration(spec.StopGracePeriod),
		Init:       spec.Init,
		ReadOnly:   spec.ReadOnly,
		Privileged: spec.Privileged,
		CapAdd:     capabilities(spec.CapAdd),
		CapDrop:    capabilities(spec.CapDrop),
		Devices:    devices(spec.Devices),
		Ulimits:    ulimits(spec.Ulimits),
		ShmSize:    int64(spec.ShmSize),
		Logging:    model.Logging{Driver: spec.Logging.Driver, Options: copyMap(spec.Logging.Options)},
		Adjustable: adjustable(spec),
	}, nil
}

func adjustable(spec *manifest.Process) model.Adjustable {
	limits := spec.Resources.Limits
	return model.Adjustable{
		NanoCPUs:          int64(limits.CPUs),
		Memory:            int64(limits.Memory),
		MemoryReservation: int64(spec.Resources.Reservations.Memory),
		Pids:              int64(limits.Pids),
	}
}

// restart leaves "no" out: that is what an engine does unasked.
func restart(r manifest.Restart) model.Restart {
	if r.Policy == "no" {
		return model.Restart{}
	}
	return model.Restart{Name: r.Policy, MaxRetries: r.Times}
}

// list is a copy; an empty one is none.
func list(items []string) []string { return append([]string(nil), items...) }

// environment are the variables whose values are in the manifests.
func environment(env map[string]manifest.EnvValue) map[string]string {
	var out map[string]string
	for name, value := range env {
		if value.From != nil {
			continue
		}
		if out == nil {
			out = make(map[string]string, len(env))
		}
		out[name] = value.Text
	}
	return out
}

func healthCheck(h *manifest.HealthCheck) *model.HealthCheck {
	switch {
	case h == nil:
		return nil
	case h.Disable:
		return &model.HealthCheck{Test: []string{"NONE"}}
	}
	out := &model.HealthCheck{
		Interval: time.Duration(h.Interval), Timeout: time.Duration(h.Timeout),
		StartPeriod: time.Duration(h.StartPeriod), Retries: h.Retries,
	}
	if h.Command.Shell != "" {
		out.Test = []string{"CMD-SHELL", h.Command.Shell}
	} else {
		out.Test = append([]string{"CMD"}, h.Command.Args...)
	}
	return out
}
