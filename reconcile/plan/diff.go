package plan

import (
	"maps"
	"slices"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// Difference is one field in which a live container is not what is asked for.
// From and To are for people; "" is "not set".
type Difference struct {
	Field string `json:"field"`
	From  string `json:"from,omitempty"`
	To    string `json:"to,omitempty"`
}

// String reads `env LOG: info → debug`, `image 1.4.1 → 1.4.2`.
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
	// Adjust is changed in place.
	Adjust []Difference `json:"adjust,omitempty"`
	// Connect and Disconnect are changed in place. A network whose aliases
	// differ is in both.
	Connect    []model.Attachment `json:"connect,omitempty"`
	Disconnect []string           `json:"disconnect,omitempty"`
}

// Empty says whether there is no difference.
func (d *Diff) Empty() bool {
	return len(d.Replace) == 0 && len(d.Adjust) == 0 && len(d.Connect) == 0 && len(d.Disconnect) == 0
}

// Compare holds a live container against the spec that it should have.
//
// A field that the spec leaves open is compared with the image's default: what
// the image or the engine decided is not a difference. Nothing is ignored
// besides; the fingerprint label is not looked at, because it only repeats
// what we once wrote.
func Compare(want *model.ContainerSpec, live *model.Container) Diff {
	c := comparison{want: want, live: live.Spec, image: live.Image}
	if c.image != nil {
		c.process() // without the image, what came from it can't be told from the rest
	}
	c.files()
	c.engineSettings()
	c.adjustable()
	c.networks()
	return c.diff
}

type comparison struct {
	want, live *model.ContainerSpec
	image      *model.ImageDefaults
	diff       Diff
}

// replace notes a difference that needs a new container. Where both sides look
// the same, it is a value that is not shown.
func (c *comparison) replace(field, from, to string) {
	if from == to {
		to += ", with another value"
	}
	c.diff.Replace = append(c.diff.Replace, Difference{field, from, to})
}

// text compares two plain values.
func (c *comparison) text(field, want, live string) {
	if want != live {
		c.replace(field, live, want)
	}
}

// process compares what runs: image, command line, environment, user.
func (c *comparison) process() {
	if c.want.Image != c.live.Image {
		c.replace("image", shortImage(c.live.Image, c.want.Image), shortImage(c.want.Image, c.live.Image))
	} else if c.want.ImageID != "" && c.want.ImageID != c.image.ID {
		c.replace("image", c.want.Image+" ("+shortID(c.image.ID)+")", shortID(c.want.ImageID))
	}
	entrypoint, command := commandLine(c.want, c.image)
	if !slices.Equal(entrypoint, c.live.Entrypoint) {
		c.replace("entrypoint", quoteList(c.live.Entrypoint), quoteList(entrypoint))
	}
	if !slices.Equal(command, c.live.Command) {
		c.replace("command", quoteList(c.live.Command), quoteList(command))
	}
	c.environment()
	c.maps("label", overlay{c.want.Labels, c.image.Labels}, c.live.Labels)
	c.text("user", or(c.want.User, c.image.User), c.live.User)
	c.text("workingDir", or(c.want.WorkingDir, c.image.WorkingDir), c.live.WorkingDir)
	c.text("hostname", c.want.Hostname, c.live.Hostname)
	c.text("stopSignal", or(c.want.StopSignal, c.image.StopSignal), c.live.StopSignal)
	if c.want.StopGrace != c.live.StopGrace {
		c.replace("stopGracePeriod", duration(c.live.StopGrace), duration(c.want.StopGrace))
	}
	if want := healthCheck(c.want.HealthCheck, c.image.HealthCheck); !sameCheck(want, c.live.HealthCheck) {
		c.replace("healthCheck", showCheck(c.live.HealthCheck), showCheck(want))
	}
}

// files compares what the container sees of the host's and our files.
func (c *comparison) files() {
	sets(c, "file", pair[model.File]{c.want.Files, c.liveFiles()}, showFile)
	sets(c, "mount", pair[model.Mount]{c.want.Mounts, c.live.Mounts}, showMount)
	sets(c, "device", pair[model.Device]{c.want.Devices, c.live.Devices}, showDevice)
}

// engineSettings compares the rest of what is fixed at creation.
func (c *comparison) engineSettings() {
	c.flag("init", c.want.Init, c.live.Init)
	c.flag("readOnly", c.want.ReadOnly, c.live.ReadOnly)
	c.flag("privileged", c.want.Privileged, c.live.Privileged)
	sets(c, "port", pair[model.Port]{c.want.Ports, c.live.Ports}, showPort)
	sets(c, "capAdd", pair[string]{c.want.CapAdd, c.live.CapAdd}, showString)
	sets(c, "capDrop", pair[string]{c.want.CapDrop, c.live.CapDrop}, showString)
	sets(c, "ulimit", pair[model.Ulimit]{c.want.Ulimits, c.live.Ulimits}, showUlimit)
	sets(c, "extraHost", pair[model.ExtraHost]{c.want.ExtraHosts, c.live.ExtraHosts}, showExtraHost)
	c.list("dns.servers", c.want.DNS.Servers, c.live.DNS.Servers)
	c.list("dns.search", c.want.DNS.Search, c.live.DNS.Search)
	c.list("dns.options", c.want.DNS.Options, c.live.DNS.Options)
	c.maps("sysctl", overlay{c.want.Sysctls, nil}, c.live.Sysctls)
	c.engineDefault("shmSize", size(c.want.ShmSize), size(c.live.ShmSize))
	c.engineDefault("logging.driver", c.want.Logging.Driver, c.live.Logging.Driver)
	c.logOptions()
}

// engineDefault compares a setting that every engine fills in.
func (c *comparison) engineDefault(field, want, live string) {
	switch {
	case want == live:
	case want == "":
		c.diff.Dropped = append(c.diff.Dropped, Difference{field, live, "the engine's default"})
	default:
		c.replace(field, live, want)
	}
}

// logOptions compares the options one by one: an engine adds its own.
func (c *comparison) logOptions() {
	want, live := c.want.Logging.Options, c.live.Logging.Options
	if len(want) == 0 && len(live) == 0 {
		return
	}
	keys := slices.AppendSeq(slices.Collect(maps.Keys(want)), maps.Keys(live))
	slices.Sort(keys)
	for _, key := range slices.Compact(keys) {
		c.engineDefault("logging "+key, want[key], live[key])
	}
}

// adjustable compares what can be changed in place. Taking a limit away
// altogether is the exception: engines read a zero as "leave as it is".
func (c *comparison) adjustable() {
	want, live := &c.want.Adjustable, &c.live.Adjustable
	if *want == *live {
		return
	}
	c.limit("cpus", want.NanoCPUs, live.NanoCPUs, cpus)
	c.limit("memory", want.Memory, live.Memory, size)
	c.limit("memory reservation", want.MemoryReservation, live.MemoryReservation, size)
	c.limit("pids", want.Pids, live.Pids, number)
	if want.Restart != live.Restart {
		c.diff.Adjust = append(c.diff.Adjust, Difference{"restart", showRestart(live.Restart), showRestart(want.Restart)})
	}
}

func (c *comparison) limit(field string, want, live int64, show func(int64) string) {
	d := Difference{field, show(live), show(want)}
	switch {
	case want == live:
	case want == 0:
		c.diff.Replace = append(c.diff.Replace, d)
	default:
		c.diff.Adjust = append(c.diff.Adjust, d)
	}
}

// networks compares attachments. The networks' order has no meaning.
func (c *comparison) networks() {
	for _, want := range c.want.Networks {
		i := slices.IndexFunc(c.live.Networks, func(a model.Attachment) bool { return a.Network == want.Network })
		if i >= 0 && slices.Equal(want.Aliases, c.live.Networks[i].Aliases) {
			continue
		}
		if i >= 0 {
			c.diff.Disconnect = append(c.diff.Disconnect, want.Network)
		}
		c.diff.Connect = append(c.diff.Connect, want)
	}
	for _, live := range c.live.Networks {
		if !slices.ContainsFunc(c.want.Networks, func(a model.Attachment) bool { return a.Network == live.Network }) {
			c.diff.Disconnect = append(c.diff.Disconnect, live.Network)
		}
	}
}

// commandLine is what an engine makes of a spec and an image: an entrypoint of
// the spec's own switches the image's command off.
func commandLine(want *model.ContainerSpec, image *model.ImageDefaults) (entrypoint, command []string) {
	if len(want.Entrypoint) > 0 {
		return want.Entrypoint, want.Command
	}
	if len(want.Command) > 0 {
		return image.Entrypoint, want.Command
	}
	return image.Entrypoint, image.Command
}

// healthCheck fills what the spec's check leaves open from the image's, as
// engines do.
func healthCheck(want, image *model.HealthCheck) *model.HealthCheck {
	if want == nil || image == nil {
		return cmpOr(want, image)
	}
	merged := *want
	if len(merged.Test) == 0 {
		merged.Test = image.Test
	}
	merged.Interval = or(merged.Interval, image.Interval)
	merged.Timeout = or(merged.Timeout, image.Timeout)
	merged.StartPeriod = or(merged.StartPeriod, image.StartPeriod)
	merged.Retries = or(merged.Retries, image.Retries)
	return &merged
}

func cmpOr(a, b *model.HealthCheck) *model.HealthCheck {
	if a != nil {
		return a
	}
	return b
}

func sameCheck(a, b *model.HealthCheck) bool {
	if !a.Enabled() || !b.Enabled() {
		return a.Enabled() == b.Enabled() && (a == nil) == (b == nil)
	}
	return slices.Equal(a.Test, b.Test) && a.Interval == b.Interval && a.Timeout == b.Timeout &&
		a.StartPeriod == b.StartPeriod && a.Retries == b.Retries
}

func or[T comparable](value, fallback T) T {
	var zero T
	if value != zero {
		return value
	}
	return fallback
}
