package reconcile

import (
	"errors"

	"github.com/tallyman-io/tallyman/reconcile/desired"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// errNoHostsLeft says what to do when the last Host manifest goes.
var errNoHostsLeft = errors.New("read hosts: the last Host manifest is gone, and the local engine does not stand in where hosts were declared before: all that runs on them would be begun anew on that one engine; " +
	"declare them again, or, if the local engine is meant, declare it as a Host with its endpoint, such as unix:///var/run/docker.sock")

// KeepHosts refuses a revision that declares no host when an accepted one has: the
// local engine stands in for hosts that have never been declared, and not for ones
// whose manifests were deleted or moved out of sight.
func KeepHosts(accepted Accepted, d *model.Desired) error {
	if accepted.HostsDeclared && standsIn(d) {
		return errNoHostsLeft
	}
	return nil
}

// standsIn says whether the only host is the local engine, without a manifest.
func standsIn(d *model.Desired) bool {
	return len(d.Hosts) == 1 && d.Hosts[0].Name == desired.LocalHost && d.Hosts[0].Endpoint == ""
}

// declaresHosts says whether any host is of a manifest.
func declaresHosts(d *model.Desired) bool {
	for i := range d.Hosts {
		if d.Hosts[i].Endpoint != "" {
			return true
		}
	}
	return false
}
