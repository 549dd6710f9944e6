package proposal

import (
	"fmt"
	"slices"

	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// grant is something that lets a container out of its box.
type grant struct{ kind, text string }

// grants tells of what workloads get that they do not have in the base.
func (in *Input) grants() []Warning {
	had := map[string][]grant{}
	for _, w := range workloads(in.Base.Desired) {
		had[w.key()] = granted(w.spec)
	}
	var out []Warning
	places := in.places()
	for _, w := range workloads(in.Merged.Desired) {
		for _, g := range granted(w.spec) {
			if !slices.Contains(had[w.key()], g) {
				out = append(out, Warning{Kind: g.kind, App: w.app, Thing: w.name, Text: g.text, Where: places[w.app+"/"+w.of]})
			}
		}
	}
	return out
}

// places are where the merge's services and jobs stand, by app and name. The two
// may have the same name, and then the job's is told.
func (in *Input) places() map[string]string {
	out := map[string]string{}
	for _, s := range in.Merged.Set.Services {
		out[s.App+"/"+s.Metadata.Name] = place(s.Origin)
	}
	for _, j := range in.Merged.Set.Jobs {
		out[j.App+"/"+j.Metadata.Name] = place(j.Origin)
	}
	return out
}

func place(o manifest.Origin) string { return fmt.Sprintf("%s:%d", o.File, o.Line) }

// workload is one container of a service or a job.
type workload struct {
	app, of, name string // of is the service's or the job's own name
	spec          *model.ContainerSpec
}

func (w *workload) key() string { return w.app + "/" + w.name }

func workloads(d *model.Desired) []workload {
	var out []workload
	add := func(app, what, of string, s *model.Service) {
		out = append(out, workload{app, of, what + of, &s.Container})
		for i := range s.Members {
			out = append(out, workload{app, of, what + of + " (" + s.Members[i].Name + ")", &s.Members[i].Container})
		}
	}
	for i := range d.Apps {
		app := &d.Apps[i]
		for j := range app.Services {
			add(app.Name, "", app.Services[j].Name, &app.Services[j])
		}
		for j := range app.Jobs {
			add(app.Name, "job ", app.Jobs[j].Name, &app.Jobs[j].Work)
		}
	}
	return out
}

// granted is all that a container has of its host.
func granted(s *model.ContainerSpec) []grant {
	var out []grant
	add := func(kind, text string) { out = append(out, grant{kind, text}) }
	if s.Privileged {
		add(WarnPrivileged, "is privileged: it may do anything on its host")
	}
	for _, name := range s.CapAdd {
		add(WarnCapability, "gets the capability "+name)
	}
	for _, d := range s.Devices {
		add(WarnDevice, "gets the host's device "+d.Host+" ("+d.Permissions+")")
	}
	for _, m := range s.Mounts {
		switch {
		case m.Kind != model.MountBind:
		case m.ReadOnly:
			add(WarnHostMount, "reads the host's "+m.Source)
		default:
			add(WarnHostMount, "reads and writes the host's "+m.Source)
		}
	}
	for _, n := range s.Networks {
		if n.Network == model.HostNetwork {
			add(WarnHostNetwork, "is on the host's own network")
		}
	}
	return out
}
