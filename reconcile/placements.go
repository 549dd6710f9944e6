package reconcile

import (
	"maps"

	"github.com/tallyman-io/tallyman/reconcile/place"
)

// Placements are the hosts that an app's slots were given when they had no
// container there, and those that its exclusive volumes were put on, by app and
// by service and slot, or volume. What has a container is not looked up: it is
// where it is.
type Placements map[string]map[string]string

func (p Placements) host(app, service, slot string) string { return p[app][service+"/"+slot] }
func (p Placements) volume(app, hostName string) string    { return p[app][volumeKey(hostName)] }

// volumeKey is like no service's: names have no spaces.
func volumeKey(hostName string) string { return "volume " + hostName }

// count is how much is placed on each host.
func (p Placements) count() map[string]int {
	on := map[string]int{}
	for _, hosts := range p {
		for _, host := range hosts {
			on[host]++
		}
	}
	return on
}

// with gives the placements of the apps for which a decision put something
// somewhere new.
func (p Placements) with(result place.Result) Placements {
	changed := Placements{}
	put := func(app, key, host string) {
		if p[app][key] == host {
			return
		}
		if changed[app] == nil {
			changed[app] = map[string]string{}
			maps.Copy(changed[app], p[app])
		}
		changed[app][key] = host
	}
	for i := range result.Assignments {
		a := &result.Assignments[i]
		if a.Container == "" {
			put(a.App, a.Service+"/"+a.Slot, a.Host)
		}
		for _, name := range a.Holds {
			put(a.App, volumeKey(name), a.Host)
		}
	}
	return changed
}
