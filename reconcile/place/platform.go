package place

import (
	"slices"
	"strings"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// misfit is the first image of the service that is not made for what the host is,
// or "".
func misfit(s *service, h *host) string {
	if len(s.Platforms) == 0 {
		return ""
	}
	for _, image := range s.Service.Images() {
		if !s.Platforms.For(image, h.info) {
			return image
		}
	}
	return ""
}

// suits says of the kinds of machines in the fleet which the service's images can't
// run on: to the hosts it makes no other difference what those are made for.
func (p *placer) suits(s *service) (foreign []string) {
	if len(s.Platforms) == 0 {
		return nil
	}
	for h := range p.hosts {
		info := p.hosts[h].info
		if misfit(s, &p.hosts[h]) != "" && !slices.Contains(foreign, info.OS+"/"+info.Arch) {
			foreign = append(foreign, info.OS+"/"+info.Arch)
		}
	}
	slices.Sort(foreign)
	return foreign
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
