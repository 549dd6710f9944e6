package plan

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// Difference is one field in which a live container is not what is asked for.
// From and To are for people; "" is "not set".
type Difference struct {
	// Field is its path in the manifest of a service, as ignoreDifferences takes
	// it: `environment.LOG`, `labels["com.example.team"]`.
	Field string `json:"field"`
	From  string `json:"from,omitempty"`
	To    string `json:"to,omitempty"`
}

// String reads `environment.LOG: info → debug`, `image 1.4.1 → 1.4.2`.
func (d Difference) String() string {
	from, to := orNone(d.From), orNone(d.To)
	if d.Field == "image" {
		return "image " + from + " → " + to
	}
	return d.Field + ": " + from + " → " + to
}

func orNone(s string) string {
	if s == "" {
		return "(none)"
	}
	return s
}

// Diff is everything in which a live container is not what is asked for, by
// what it takes to put it right.
type Diff struct {
	// Replace needs a new container.
	Replace []Difference `json:"replace,omitempty"`
	// Dropped are settings that the container has and nobody asks for. An
	// engine fills these in by itself, from its own configuration, so they are
	// no differences; but they may be why a container's fingerprint is another.
	Dropped []Difference `json:"dropped,omitempty"`
	// Adjust is changed in place, to Adjusted: what is asked for, but for what is
	// ignored.
	Adjust   []Difference     `json:"adjust,omitempty"`
	Adjusted model.Adjustable `json:"adjusted,omitzero"`
	// Attach is changed in place by Connect and Disconnect. A network whose
	// aliases differ is in both.
	Attach     []Difference       `json:"attach,omitempty"`
	Connect    []model.Attachment `json:"connect,omitempty"`
	Disconnect []string           `json:"disconnect,omitempty"`
	// Ignored are differences that the manifest wants to be left alone.
	Ignored []Difference `json:"ignored,omitempty"`
}

// Empty says whether there is no difference that counts.
func (d *Diff) Empty() bool {
	return len(d.Replace) == 0 && len(d.Adjust) == 0 && len(d.Attach) == 0
}

// Terms are how a comparison is made.
type Terms struct {
	// Ignore are the paths of fields whose differences do not count, and with
	// each those of its parts.
	Ignore []string
	// Networks are what manifests call the networks, by their names on the hosts.
	Networks map[string]string
}

func (t *Terms) ignores(field string) bool {
	for _, path := range t.Ignore {
		rest, ok := strings.CutPrefix(field, path)
		if ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			return true
		}
	}
	return false
}

// network is the path of a network. One that no manifest knows is named as it is
// on the host.
func (t *Terms) network(hostName string) string {
	if name, ok := t.Networks[hostName]; ok {
		hostName = name
	}
	return keyed("networks", hostName)
}

var plainKey = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)

// keyed is the path of one entry of a field, in the form into which manifests'
// paths are brought: `sysctls["net.core.somaxconn"]`.
func keyed(field, key string) string {
	if plainKey.MatchString(key) {
		return field + "." + key
	}
	return field + "[" + strconv.Quote(key) + "]"
}
