package place

import (
	"slices"
	"strings"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// misfit is the first image of the service that is not made for what the host is,
// or "". It is asked for every container there is, and most hosts are like the one
// before.
func misfit(s *service, h *host) string {
	if len(s.Platforms) == 0 {
		return ""
	}
	if f := &s.fitted; !f.known || f.os != h.info.OS || f.arch != h.info.Arch {
		*f = fitted{known: true, os: h.info.OS, arch: h.info.Arch}
		if i := slices.IndexFunc(s.Specs(), func(spec *model.ContainerSpec) bool { return !s.Platforms.For(spec.Image, h.info) }); i >= 0 {
			f.misfit = s.Specs()[i].Image
		}
	}
	return s.fitted.misfit
}

// fitted is the last answer about a service's images, and about which machine.
type fitted struct {
	known            bool
	os, arch, misfit string
}

// suits says of the kinds of machines in the fleet which the service's images can't
// run on: to the hosts it makes no other difference what those are made for.
func (p *placer) suits(s *service) (foreign []string) {
	if len(s.Platforms) == 0 {
		return nil
	}
	for _, h := range p.machinesOf() {
		if host := &p.hosts[h]; misfit(s, host) != "" {
			foreign = append(foreign, host.info.OS+"/"+host.info.Arch)
		}
	}
	return foreign
}

// machinesOf are the first hosts of each kind.
func (p *placer) machinesOf() []int {
	if p.machines != nil {
		return p.machines
	}
	type kind struct{ os, arch string }
	seen := map[kind]bool{}
	for h := range p.hosts {
		k := kind{p.hosts[h].info.OS, p.hosts[h].info.Arch}
		if !seen[k] {
			seen[k] = true
			p.machines = append(p.machines, h)
		}
	}
	return p.machines
}

func fitsPlatform(v view) bool { return misfit(v.service, v.host) == "" }

// runsThere says whether a container of these very images runs on its host. Then
// they can, whatever they are made for: machines may emulate others.
func runsThere(s *service, c *model.Container) bool {
	if !c.Running() {
		return false
	}
	var images []string
	for _, part := range append([]model.Container{*c}, c.Pod...) {
		if part.Spec != nil {
			images = append(images, part.Spec.Image)
		}
	}
	return !slices.ContainsFunc(s.Service.Specs(), func(spec *model.ContainerSpec) bool { return !slices.Contains(images, spec.Image) })
}

func platformReason(v view) reason {
	image := misfit(v.service, v.host)
	made := v.service.Platforms.Of(image)
	host := v.host.info.OS + "/" + model.Arch(v.host.info.Arch)
	if onlyLinux(made) && (v.host.info.OS == "" || v.host.info.OS == linux) {
		host = model.Arch(v.host.info.Arch)
		made = withoutOS(made)
	}
	which := "the image"
	if len(v.service.Specs()) > 1 {
		declared, _ := model.SplitDigest(image)
		which = "image " + declared
	}
	text := " " + host + " and " + which + " is for " + strings.Join(made, ", ")
	return reason{one: "is" + text, many: "are" + text}
}

const linux = "linux"

func onlyLinux(platforms []string) bool {
	return !slices.ContainsFunc(platforms, func(p string) bool { return !strings.HasPrefix(p, linux+"/") })
}

func withoutOS(platforms []string) []string {
	var out []string
	for _, p := range platforms {
		out = append(out, strings.TrimPrefix(p, linux+"/"))
	}
	return out
}
