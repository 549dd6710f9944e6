package desired

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sort"
	"time"

	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/schedule"
)

// LocalHost is the host there is when none is declared.
const LocalHost = "local"

// Options are what the manifests do not say.
type Options struct {
	// Owner is the installation; it is part of the names of networks and
	// volumes, so that two installations never share one by accident.
	Owner string
	// Revision is the commit that the manifests are of.
	Revision string
	// Images are what registries said of the references. Nil leaves every
	// reference as it is declared.
	Images Images
	// Secrets are the values of the set's secrets. Without them it can be told
	// whether the set makes sense, and nothing can be rolled out.
	Secrets Secrets
	// Preview is the number of the pull request whose preview the set is of.
	Preview string
}

// Build makes the model of all apps and hosts. The set is not changed. An
// error means a set that a Loader would not have given out.
func Build(set *manifest.Set, opts Options) (model.Desired, error) {
	b, err := newBuilder(set, opts)
	if err != nil {
		return model.Desired{}, err
	}
	all := fleet(set.Fleets)
	d := model.Desired{Revision: opts.Revision, Owner: opts.Owner, Fleet: all, Hosts: hosts(set.Hosts, all.Grace), PlanRules: planRules(set.Policies), Blobs: b.blobs, DigestKey: opts.Secrets.Key}
	for _, a := range set.Apps {
		app, err := b.app(a)
		if err != nil {
			return model.Desired{}, fmt.Errorf("build app %q: %w", a.Metadata.Name, err)
		}
		app.Revision, app.Preview = opts.Revision, opts.Preview
		d.Apps = append(d.Apps, app)
	}
	sort.Slice(d.Apps, func(i, j int) bool { return d.Apps[i].Name < d.Apps[j].Name })
	d.Notifications, err = b.notifications(set.Notifications)
	return d, err
}

type builder struct {
	owner      string
	preview    string
	images     Images
	secrets    Secrets
	pullKeys   map[string]string           // by secret
	configs    map[string]*manifest.Config // by name
	owned      map[string]*parts           // by app
	unresolved map[string][]string         // why, by app
	stale      map[string][]string         // likewise
	blobs      model.Blobs
}

// parts are the documents of one app.
type parts struct {
	services []*manifest.Service
	jobs     []*manifest.Job
	networks []*manifest.Network
	volumes  []*manifest.Volume
}

func newBuilder(set *manifest.Set, opts Options) (*builder, error) {
	b := &builder{
		owner: opts.Owner, preview: opts.Preview, images: opts.Images, secrets: opts.Secrets, blobs: model.Blobs{}, configs: map[string]*manifest.Config{},
		owned: map[string]*parts{}, unresolved: map[string][]string{}, stale: map[string][]string{}, pullKeys: pullKeys(set),
	}
	for _, c := range set.Configs {
		b.configs[c.Metadata.Name] = c
	}
	for _, s := range set.Services {
		p := b.partsOf(s.App)
		p.services = append(p.services, s)
	}
	for _, j := range set.Jobs {
		p := b.partsOf(j.App)
		p.jobs = append(p.jobs, j)
	}
	for _, n := range set.Networks {
		p := b.partsOf(n.App)
		p.networks = append(p.networks, n)
	}
	for _, v := range set.Volumes {
		p := b.partsOf(v.App)
		p.volumes = append(p.volumes, v)
	}
	return b, b.everyAppIn(set.Apps)
}

func (b *builder) partsOf(app string) *parts {
	if b.owned[app] == nil {
		b.owned[app] = &parts{}
	}
	return b.owned[app]
}

// everyAppIn makes sure that nothing is left out because its app is missing.
func (b *builder) everyAppIn(apps []*manifest.App) error {
	declared := map[string]bool{}
	for _, a := range apps {
		declared[a.Metadata.Name] = true
	}
	for _, app := range slices.Sorted(maps.Keys(b.owned)) {
		if !declared[app] {
			return fmt.Errorf("find app %q: there is none", app)
		}
	}
	return nil
}

func (b *builder) app(a *manifest.App) (model.App, error) {
	sync := a.Spec.Sync
	app := model.App{
		Name:      a.Metadata.Name,
		Sync:      model.Sync{Auto: sync.Auto, Prune: sync.Prune, SelfHeal: sync.SelfHeal, MaxRemovals: sync.MaxRemovals, Windows: windows(sync.Windows)},
		OnFailure: a.Spec.OnFailure, ImageRetention: a.Spec.ImageRetention, DependsOn: sorted(a.Spec.DependsOn),
	}
	if p := a.Spec.Previews; p != nil {
		app.Previews = &model.Previews{Label: p.Label, TTL: time.Duration(p.TTL), Max: p.Max}
	}
	if p := a.Spec.Promotion; p != nil {
		app.Promotion = &model.Promotion{From: p.From, Soak: time.Duration(p.Soak)}
	}
	var err error
	if app.PullSecrets, err = b.pullSecrets(a); err != nil {
		return app, err
	}
	app.Volumes = b.volumes(app.Name)
	app.Networks = b.networks(app.Name)
	names := hostNames{networks: map[string]string{}, volumes: map[string]*model.Volume{}}
	for _, n := range app.Networks {
		names.networks[n.Name] = n.HostName
	}
	for i := range app.Volumes {
		names.volumes[app.Volumes[i].Name] = &app.Volumes[i]
	}
	for _, s := range b.partsOf(app.Name).services {
		svc, err := b.service(s, names)
		if err != nil {
			return app, fmt.Errorf("service %q: %w", s.Metadata.Name, err)
		}
		svc.Guard, svc.Preview = guard(s, a), b.preview
		if b.preview != "" {
			svc.Priority = model.PreviewPriority
		}
		app.Services = append(app.Services, svc)
	}
	sort.Slice(app.Services, func(i, j int) bool { return app.Services[i].Name < app.Services[j].Name })
	if err := b.jobs(&app, names); err != nil {
		return app, err
	}
	app.Digest = digest(app)
	app.Unresolved, app.Stale = because(b.unresolved[app.Name]), because(b.stale[app.Name])
	return app, nil
}

func windows(declared []manifest.Window) []schedule.Window {
	var out []schedule.Window
	for _, w := range declared {
		out = append(out, schedule.Window{Deny: w.Deny != "", Cron: w.Allow + w.Deny, Duration: time.Duration(w.Duration), TimeZone: w.TimeZone})
	}
	return out
}

// digest leaves out what may be done without a person, what is ignored, what
// happens in the end, and what a registry is shown: to change that is no rollout.
func digest(app model.App) string {
	app.Sync, app.ImageRetention, app.PullSecrets, app.Promotion, app.Previews = model.Sync{}, 0, nil, nil, nil
	app.Services, app.Volumes = slices.Clone(app.Services), slices.Clone(app.Volumes)
	for i := range app.Services {
		app.Services[i].Guard, app.Services[i].Ignore = model.Guard{}, nil
	}
	for i := range app.Volumes {
		app.Volumes[i].Protect = false
	}
	return model.Hash(app)
}

// guard is what happens when the service's manifest goes.
func guard(s *manifest.Service, of *manifest.App) model.Guard {
	return model.Guard{Orphan: cmp.Or(s.Spec.DeletionPolicy, of.Spec.DeletionPolicy) == "orphan", Protect: s.Spec.Protect}
}

// hostNames are the names that an app's networks have on hosts, and its volumes,
// by their names in the manifests.
type hostNames struct {
	networks map[string]string
	volumes  map[string]*model.Volume
}

func hosts(declared []*manifest.Host, grace model.Grace) []model.Host {
	if len(declared) == 0 {
		return []model.Host{{Name: LocalHost, Schedulable: true, Grace: grace}}
	}
	out := make([]model.Host, 0, len(declared))
	for _, h := range declared {
		out = append(out, host(h, grace))
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

// planRules are the rules about plans, in the order of the policies' names.
func planRules(policies []*manifest.Policy) []model.PlanRule {
	var rules []model.PlanRule
	for _, p := range policies {
		if p.Spec.Over != manifest.OverPlan {
			continue
		}
		for _, r := range p.Spec.Rules {
			rules = append(rules, model.PlanRule{Policy: p.Metadata.Name, Assert: r.Assert, Message: r.Message})
		}
	}
	return rules
}

func fleet(declared []*manifest.Fleet) model.Fleet {
	if len(declared) == 0 {
		return model.DefaultFleet()
	}
	s := &declared[0].Spec
	return model.Fleet{
		Grace:  model.Grace{Unreachable: time.Duration(s.UnreachableAfter), Lost: time.Duration(s.LostAfter)},
		WarmUp: time.Duration(s.WarmUp), EvictionRate: s.EvictionRate, EvictionThreshold: model.Portion(s.EvictionThreshold), FailureDomain: s.FailureDomain,
	}
}

func host(h *manifest.Host, grace model.Grace) model.Host {
	out := model.Host{
		Name:        h.Metadata.Name,
		Endpoint:    h.Spec.Endpoint,
		Labels:      copyMap(h.Metadata.Labels),
		Schedulable: h.Spec.Schedulable,
		Drain:       h.Spec.Drain,
		Reserved:    amounts(h.Spec.Reserved),
		Grace:       grace,
		Capacity:    amounts(h.Spec.Capacity),
	}
	if d := h.Spec.UnreachableAfter; d != nil {
		out.Grace.Unreachable = time.Duration(*d)
	}
	if d := h.Spec.LostAfter; d != nil {
		out.Grace.Lost = time.Duration(*d)
	}
	if t := h.Spec.TLS; t != nil {
		out.TLS = model.TLS{CA: t.CA, Cert: t.Cert, Key: t.Key}
	}
	if s := h.Spec.SSH; s != nil {
		out.SSH = model.SSH{IdentityFile: s.IdentityFile, KnownHosts: s.KnownHosts}
	}
	for _, t := range h.Spec.Taints {
		out.Taints = append(out.Taints, model.Taint{Key: t.Key, Value: t.Value, Effect: t.Effect})
	}
	sort.Slice(out.Taints, func(i, j int) bool {
		a, b := out.Taints[i], out.Taints[j]
		return a.Key+"="+a.Value+":"+a.Effect < b.Key+"="+b.Value+":"+b.Effect
	})
	return out
}

func amounts(a manifest.Amounts) model.Resources {
	return model.Resources{NanoCPUs: int64(a.CPUs), Memory: int64(a.Memory)}
}

// copyMap keeps the model apart from the documents, which others share; an
// empty map is none.
func copyMap(m map[string]string) map[string]string {
	if len(m) == 0 {
		return nil
	}
	out := make(map[string]string, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}
