package preview

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// Documents are those that a preview runs: the app's services, jobs, configs,
// networks and volumes as they are at the head, in an app of its own. Everything
// that says how apps are run is the base's: a pull request may be a stranger's.
// The error says all that stands in the way.
func Documents(base, head *manifest.Set, p *Preview) (*manifest.Set, error) {
	app := find(base.Apps, p.App)
	if app == nil || app.Spec.Previews == nil {
		return nil, fmt.Errorf("the branch has no app %q with previews", p.App)
	}
	if find(head.Apps, p.App) == nil {
		return nil, fmt.Errorf("the pull request has no app %q, which the branch has; merge the branch into it", p.App)
	}
	m := &maker{base: base, head: Own(head, p.App), of: app, rules: app.Spec.Previews, app: p.Name(), out: &manifest.Set{}}
	if find(base.Apps, m.app) != nil {
		m.refuse("the branch has an app %q already", m.app)
	}
	m.settings()
	m.things()
	for _, s := range m.head.Services {
		m.out.Services = append(m.out.Services, m.service(s))
	}
	for _, j := range m.head.Jobs {
		m.out.Jobs = append(m.out.Jobs, m.job(j))
	}
	if len(m.refusals) > 0 {
		slices.Sort(m.refusals)
		return nil, errors.New(strings.Join(slices.Compact(m.refusals), "; "))
	}
	return m.out, nil
}

// Own are the documents of an app that a preview of it is made from, as they are.
func Own(set *manifest.Set, app string) *manifest.Set {
	return &manifest.Set{
		Services: of(set.Services, app), Jobs: of(set.Jobs, app), Configs: of(set.Configs, app),
		Networks: of(set.Networks, app), Volumes: of(set.Volumes, app),
	}
}

// of are those of an app.
func of[D interface{ Owner() string }](docs []D, app string) []D {
	return slices.DeleteFunc(slices.Clone(docs), func(d D) bool { return d.Owner() != app })
}

// maker makes the documents of one preview.
type maker struct {
	base, head *manifest.Set
	of         *manifest.App // the base's
	rules      *manifest.Previews
	app        string
	out        *manifest.Set
	refusals   []string
}

func (m *maker) refuse(format string, args ...any) {
	m.refusals = append(m.refusals, fmt.Sprintf(format, args...))
}

// named is a document that can be looked up.
type named interface {
	*manifest.App | *manifest.Service | *manifest.Job | *manifest.Network | *manifest.Volume | *manifest.Secret
}

// find is the document of a name, or nil.
func find[D named](docs []D, name string) D {
	for _, d := range docs {
		if nameOf(d) == name {
			return d
		}
	}
	return nil
}

func nameOf(d any) string {
	switch d := d.(type) {
	case *manifest.App:
		return d.Metadata.Name
	case *manifest.Service:
		return d.Metadata.Name
	case *manifest.Job:
		return d.Metadata.Name
	case *manifest.Network:
		return d.Metadata.Name
	case *manifest.Volume:
		return d.Metadata.Name
	case *manifest.Secret:
		return d.Metadata.Name
	}
	return ""
}

// settings are the app's: rolled out at once, whatever it removes, and with nothing
// to go back to.
func (m *maker) settings() {
	app := *m.of
	app.App, app.Metadata.Name = m.app, m.app
	app.Spec = manifest.AppSpec{
		Sync:           manifest.Sync{Auto: true, Prune: true, SelfHeal: true},
		DeletionPolicy: "delete", OnFailure: model.OnFailurePause, ImageRetention: 1,
	}
	for _, name := range m.of.Spec.PullSecrets {
		if slices.Contains(m.rules.Secrets, name) {
			app.Spec.PullSecrets = append(app.Spec.PullSecrets, name)
		}
	}
	m.out.Apps = []*manifest.App{&app}
	for _, name := range m.rules.Secrets {
		s := *find(m.base.Secrets, name) // that there is one was checked with the base
		s.App = m.app
		m.out.Secrets = append(m.out.Secrets, &s)
	}
}

// things are what services refer to.
func (m *maker) things() {
	for _, c := range m.head.Configs {
		config := *c
		config.App = m.app
		m.out.Configs = append(m.out.Configs, &config)
	}
	for _, n := range m.head.Networks {
		m.out.Networks = append(m.out.Networks, m.network(n))
	}
	for _, v := range m.head.Volumes {
		m.out.Volumes = append(m.out.Volumes, m.volume(v))
	}
}

// network is the preview's own. Its addresses are the engine's to choose: those in
// the manifest are the real app's.
func (m *maker) network(n *manifest.Network) *manifest.Network {
	own := *n
	own.App = m.app
	switch {
	case n.Spec.External != nil:
		m.refuse("network %q is external: a preview has networks of its own only", n.Metadata.Name)
	case n.Spec.Driver != "bridge" && n.Spec.Driver != "overlay":
		m.refuse("network %q has driver %q: a preview's networks are bridge or overlay", n.Metadata.Name, n.Spec.Driver)
	}
	own.Spec = manifest.NetworkSpec{Driver: n.Spec.Driver, Internal: n.Spec.Internal}
	return &own
}

// volume is the preview's own, and empty at first.
func (m *maker) volume(v *manifest.Volume) *manifest.Volume {
	own, s := *v, &v.Spec
	own.App = m.app
	switch {
	case s.External != nil:
		m.refuse("volume %q is external: a preview has volumes of its own only", v.Metadata.Name)
	case s.NFS != nil || s.CIFS != nil || s.Driver != model.LocalDriver || len(s.Options) > 0:
		m.refuse("volume %q is more than a local one: what is behind it may be the real app's", v.Metadata.Name)
	case m.taken(v.Metadata.Name):
		m.refuse("volume %q would have the name of another app's on the hosts", v.Metadata.Name)
	}
	own.Spec.Protect, own.Spec.Labels = false, nil
	return &own
}

// taken says whether a volume of the base is called on the hosts as this one would.
func (m *maker) taken(name string) bool {
	return slices.ContainsFunc(m.base.Volumes, func(v *manifest.Volume) bool {
		return v.App+"-"+v.Metadata.Name == m.app+"-"+name
	})
}

func (m *maker) service(s *manifest.Service) *manifest.Service {
	own := *s
	own.App = m.app
	m.length("service", s.Metadata.Name)
	spec, real := &own.Spec, &manifest.ServiceSpec{}
	if before := find(m.base.Services, s.Metadata.Name); before != nil && before.App == s.App {
		real = &before.Spec
	}
	where := fmt.Sprintf("service %q", s.Metadata.Name)
	m.workload(where, &spec.Workload, &real.Workload)
	spec.InitContainers, spec.Sidecars = slices.Clone(spec.InitContainers), slices.Clone(spec.Sidecars)
	for i := range spec.InitContainers {
		c := &spec.InitContainers[i]
		m.process(fmt.Sprintf("%s, container %q", where, c.Name), &c.Process, memberOf(real, c.Name))
	}
	for i := range spec.Sidecars {
		c := &spec.Sidecars[i]
		m.process(fmt.Sprintf("%s, container %q", where, c.Name), &c.Process, memberOf(real, c.Name))
	}
	spec.Ports = slices.Clone(spec.Ports)
	for i := range spec.Ports {
		spec.Ports[i].Published = 0 // a fixed one is the real app's
	}
	spec.Placement = m.placement(where, spec.Placement, real.Placement)
	spec.Priority, spec.Protect, spec.DeletionPolicy, spec.OnHostLoss = 0, false, "", ""
	spec.MinAvailable, spec.Update.Canary = manifest.Portion{}, nil
	if m.rules.Overrides.Replicas != nil {
		spec.Mode, spec.Replicas = model.ModeReplicated, m.rules.Overrides.Replicas
	}
	return &own
}

func (m *maker) job(j *manifest.Job) *manifest.Job {
	own := *j
	own.App = m.app
	m.length("job", j.Metadata.Name)
	real := &manifest.JobSpec{}
	if before := find(m.base.Jobs, j.Metadata.Name); before != nil && before.App == j.App {
		real = &before.Spec
	}
	where := fmt.Sprintf("job %q", j.Metadata.Name)
	m.workload(where, &own.Spec.Workload, &real.Workload)
	placed := m.placement(where,
		manifest.Placement{Constraints: own.Spec.Placement.Constraints, Tolerations: own.Spec.Placement.Tolerations},
		manifest.Placement{Tolerations: real.Placement.Tolerations})
	own.Spec.Placement.Constraints = placed.Constraints
	return &own
}

func (m *maker) length(kind, name string) {
	if n := len(m.app) + len(name); n > manifest.MaxServiceName {
		m.refuse("%s %q: the names of app %q and %s together have %d characters, at most %d", kind, name, m.app, kind, n, manifest.MaxServiceName)
	}
}

// placement keeps to the hosts for previews, and off those that are kept free of
// the app. Which services are near is a question about the real ones.
func (m *maker) placement(where string, p, real manifest.Placement) manifest.Placement {
	for _, t := range p.Tolerations {
		if !slices.Contains(real.Tolerations, t) {
			m.refuse("%s tolerates the taint %q, which it does not on the branch", where, t.Key)
		}
	}
	p.Affinity, p.AntiAffinity = nil, nil
	if hosts := m.rules.Hosts; hosts.Attribute != "" {
		p.Constraints = append(slices.Clone(p.Constraints), hosts)
	}
	return p
}

func (m *maker) workload(where string, w, real *manifest.Workload) {
	m.process(where, &w.Process, &real.Process)
	if slices.Contains(w.Networks, manifest.HostNetwork) {
		m.refuse("%s is on the host's own network: a preview has networks of its own only", where)
	}
	if !maps.Equal(w.Sysctls, real.Sysctls) && len(w.Sysctls) > 0 {
		m.refuse("%s has other sysctls than on the branch", where)
	}
}

// process refuses what reaches out of the container, unless the branch has the same.
// Labels are left out: who routes by them would take the preview for the real app.
func (m *maker) process(where string, p, real *manifest.Process) {
	p.Labels = nil
	if p.Privileged && !real.Privileged {
		m.refuse("%s is privileged, which it is not on the branch", where)
	}
	for _, c := range p.CapAdd {
		if !slices.Contains(real.CapAdd, c) {
			m.refuse("%s adds capability %s, which it does not on the branch", where, c)
		}
	}
	for _, d := range p.Devices {
		if !slices.Contains(real.Devices, d) {
			m.refuse("%s has device %q, which it has not on the branch", where, d.Host)
		}
	}
	m.mounts(where, p, real)
	if l := p.Logging; l.Driver != real.Logging.Driver || !maps.Equal(l.Options, real.Logging.Options) {
		m.refuse("%s has other logging than on the branch", where)
	}
	m.secrets(where, p)
}

func (m *maker) mounts(where string, p, real *manifest.Process) {
	for _, mount := range p.Mounts {
		switch {
		case mount.Bind == "":
		case !mount.ReadOnly:
			m.refuse("%s may write to %s on the host, which the real app may use", where, mount.Bind)
		case !slices.Contains(real.Mounts, mount):
			m.refuse("%s mounts %s of the host, which it does not on the branch", where, mount.Bind)
		}
	}
}

func (m *maker) secrets(where string, p *manifest.Process) {
	use := func(secret string) {
		if secret != "" && !slices.Contains(m.rules.Secrets, secret) {
			m.refuse("%s uses secret %q, which is not among previews.secrets of app %q", where, secret, m.of.Metadata.Name)
		}
	}
	for _, value := range p.Environment {
		if value.From != nil {
			use(value.From.Secret)
		}
	}
	for _, f := range p.Files {
		use(f.Secret)
	}
}

// memberOf is the container of a name besides a service's own; an empty one when
// there is none.
func memberOf(s *manifest.ServiceSpec, name string) *manifest.Process {
	for i := range s.InitContainers {
		if s.InitContainers[i].Name == name {
			return &s.InitContainers[i].Process
		}
	}
	for i := range s.Sidecars {
		if s.Sidecars[i].Name == name {
			return &s.Sidecars[i].Process
		}
	}
	return &manifest.Process{}
}
