package docker

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/container"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// listed is a container as far as the list shows it. For containers of others
// that is all there is to know.
func (e *Engine) listed(s *container.Summary) *model.Container {
	return &model.Container{
		Host:   e.host.Name,
		ID:     s.ID,
		Name:   nameOf(s.Names),
		Owner:  model.OwnershipFrom(s.Labels),
		State:  model.State(s.State),
		Health: healthFrom(s.Status),
		Ports:  heldPorts(s.Ports),
	}
}

// nameOf is the container's own name: links add names that go through other
// containers.
func nameOf(names []string) string {
	for _, name := range names {
		if name = strings.TrimPrefix(name, "/"); !strings.Contains(name, "/") {
			return name
		}
	}
	return ""
}

// healthFrom reads the health out of a status for people, such as
// `Up 5 minutes (healthy)`; the list has it nowhere else.
func healthFrom(status string) model.Health {
	switch {
	case strings.HasSuffix(status, "(healthy)"):
		return model.HealthHealthy
	case strings.HasSuffix(status, "(unhealthy)"):
		return model.HealthUnhealthy
	case strings.HasSuffix(status, "(health: starting)"):
		return model.HealthStarting
	}
	return model.HealthNone
}

// exitFrom is the `Exited (1)` of a status: it differs when a container has
// been started and has ended again between two lists. The rest of a status
// only counts time.
func exitFrom(status string) string {
	before, _, ok := strings.Cut(status, ")")
	if !ok || strings.HasPrefix(status, "Up ") {
		return ""
	}
	return before
}

// signature is all that the list shows of a container and that an inspect
// would show changed. While it stays the same a kept inspect is believed.
func signature(s *container.Summary) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s|%s|%s|%s", nameOf(s.Names), s.State, healthFrom(s.Status), exitFrom(s.Status))
	if s.NetworkSettings == nil {
		return b.String()
	}
	nets := make([]string, 0, len(s.NetworkSettings.Networks))
	for name, endpoint := range s.NetworkSettings.Networks {
		nets = append(nets, name+"="+endpoint.NetworkID)
	}
	slices.Sort(nets)
	return b.String() + "|" + strings.Join(nets, "|")
}

// heldPorts are the published ports of a running container. The engine lists
// one line per address family; to us that is one port. Where it chose another number
// for each, the one for IPv6 says so: on IPv4 nobody answers there.
func heldPorts(list []container.Port) []model.Port {
	var ports []model.Port
	for _, p := range list {
		if p.PublicPort == 0 {
			continue
		}
		port := model.Port{Container: p.PrivatePort, Published: p.PublicPort, Protocol: p.Type, HostIP: anyIP(p.IP)}
		if numbers := onIPv4(list, p); p.IP == "::" && len(numbers) > 0 && !slices.Contains(numbers, p.PublicPort) {
			port.HostIP = p.IP
		}
		ports = append(ports, port)
	}
	return sortedPorts(ports)
}

// onIPv4 are the numbers by which a container's port is published for all of IPv4.
func onIPv4(list []container.Port, of container.Port) []uint16 {
	var numbers []uint16
	for _, p := range list {
		if p.IP == "0.0.0.0" && p.PrivatePort == of.PrivatePort && p.Type == of.Type {
			numbers = append(numbers, p.PublicPort)
		}
	}
	return numbers
}

// anyIP is empty for the addresses that mean all addresses.
func anyIP(ip string) string {
	if ip == "0.0.0.0" || ip == "::" {
		return ""
	}
	return ip
}

func sortedPorts(ports []model.Port) []model.Port {
	slices.SortFunc(ports, func(a, b model.Port) int {
		return cmp.Or(cmp.Compare(a.Container, b.Container), cmp.Compare(a.Published, b.Published),
			cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.HostIP, b.HostIP))
	})
	return slices.Compact(ports)
}
