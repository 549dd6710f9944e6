package plan

import (
	"maps"
	"slices"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// Compare holds a live container against the spec that it should have.
//
// A field that the spec leaves open is compared with the image's default: what
// the image or the engine decided is not a difference. The fingerprint
// label is not looked at, because it only repeats what we once wrote.
func Compare(want *model.ContainerSpec, live *model.Container) Diff {
	return Terms{}.Compare(want, live)
}

// Compare does it under the terms. This is the one place where differences are
// ignored, so that no two verbs disagree about what counts.
func (t Terms) Compare(want *model.ContainerSpec, live *model.Container) Diff {
	c := comparison{Terms: t, want: want, live: live.Spec, image: live.Image}
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
	Terms
	want, live *model.ContainerSpec
	image      *model.ImageDefaults
	diff       Diff
}

// note adds a difference to the list that says what it takes to put it right,
// and says whether it counts.
func (c *comparison) note(list *[]Difference, d Difference) bool {
	if c.ignores(d.Field) {
		c.diff.Ignored = append(c.diff.Ignored, d)
		return false
	}
	*list = append(*list, d)
	return true
}

// replace notes a difference that needs a new container. Where both sides look
// the same, it is a value that is not shown.
func (c *comparison) replace(field, from, to string) {
	if from == to {
		to += ", with another value"
	}
	c.note(&c.diff.Replace, Difference{field, from, to})
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
	c.maps("labels", overlay{c.want.Labels, c.image.Labels}, c.live.Labels)
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
	entries(c, "files", pair[model.File]{c.want.Files, c.liveFiles()}, showFile)
	entries(c, "mounts", pair[model.Mount]{c.want.Mounts, c.live.Mounts}, showMount)
	entries(c, "devices", pair[model.Device]{c.want.Devices, c.live.Devices}, showDevice)
}

// engineSettings compares the rest of what is fixed at creation.
func (c *comparison) engineSettings() {
	c.flag("init", c.want.Init, c.live.Init)
	c.flag("readOnly", c.want.ReadOnly, c.live.ReadOnly)
	c.flag("privileged", c.want.Privileged, c.live.Privileged)
	entries(c, "ports", pair[model.Port]{c.want.Ports, c.live.Ports}, showPort)
	entries(c, "capAdd", pair[string]{c.want.CapAdd, c.live.CapAdd}, showWord)
	entries(c, "capDrop", pair[string]{c.want.CapDrop, c.live.CapDrop}, showWord)
	entries(c, "ulimits", pair[model.Ulimit]{c.want.Ulimits, c.live.Ulimits}, showUlimit)
	entries(c, "extraHosts", pair[model.ExtraHost]{c.want.ExtraHosts, c.live.ExtraHosts}, showExtraHost)
	c.list("dns.servers", c.want.DNS.Servers, c.live.DNS.Servers)
	c.list("dns.search", c.want.DNS.Search, c.live.DNS.Search)
	c.list("dns.options", c.want.DNS.Options, c.live.DNS.Options)
	c.maps("sysctls", overlay{c.want.Sysctls, nil}, c.live.Sysctls)
	c.engineDefault("shmSize", size(c.want.ShmSize), size(c.live.ShmSize))
	c.engineDefault("logging.driver", c.want.Logging.Driver, c.live.Logging.Driver)
	c.logOptions()
}

// engineDefault compares a setting that every engine fills in.
func (c *comparison) engineDefault(field, want, live string) {
	switch {
	case want == live:
	case want == "":
		c.note(&c.diff.Dropped, Difference{field, live, "the engine's default"})
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
		c.engineDefault(keyed("logging.options", key), want[key], live[key])
	}
}

// adjustable compares what can be changed in place. Taking a limit away
// altogether is the exception: engines read a zero as "leave as it is". What is
// ignored stays as it is also when the rest is adjusted.
func (c *comparison) adjustable() {
	want, live := c.want.Adjustable, &c.live.Adjustable
	if want != *live {
		c.limit("resources.limits.cpus", limit{&want.NanoCPUs, live.NanoCPUs, cpus})
		c.limit("resources.limits.memory", limit{&want.Memory, live.Memory, size})
		c.limit("resources.reservations.memory", limit{&want.MemoryReservation, live.MemoryReservation, size})
		c.limit("resources.limits.pids", limit{&want.Pids, live.Pids, number})
		d := Difference{"restart", showRestart(live.Restart), showRestart(want.Restart)}
		if want.Restart != live.Restart && !c.note(&c.diff.Adjust, d) {
			want.Restart = live.Restart
		}
	}
	c.diff.Adjusted = want
}

// limit is a number that is wanted and the one that is there.
type limit struct {
	want *int64
	live int64
	show func(int64) string
}

func (c *comparison) limit(field string, l limit) {
	if *l.want == l.live {
		return
	}
	list := &c.diff.Adjust
	if *l.want == 0 {
		list = &c.diff.Replace
	}
	if !c.note(list, Difference{field, l.show(l.live), l.show(*l.want)}) {
		*l.want = l.live
	}
}

// networks compares attachments. The networks' order has no meaning.
func (c *comparison) networks() {
	for _, want := range c.want.Networks {
		i := slices.IndexFunc(c.live.Networks, func(a model.Attachment) bool { return a.Network == want.Network })
		switch {
		case i < 0:
			if c.note(&c.diff.Attach, Difference{c.network(want.Network), "", "joined"}) {
				c.diff.Connect = append(c.diff.Connect, want)
			}
		case !slices.Equal(want.Aliases, c.live.Networks[i].Aliases):
			d := Difference{c.network(want.Network) + ".aliases", quoteList(c.live.Networks[i].Aliases), quoteList(want.Aliases)}
			if c.note(&c.diff.Attach, d) {
				c.diff.Disconnect = append(c.diff.Disconnect, want.Network)
				c.diff.Connect = append(c.diff.Connect, want)
			}
		}
	}
	for _, live := range c.live.Networks {
		if slices.ContainsFunc(c.want.Networks, func(a model.Attachment) bool { return a.Network == live.Network }) {
			continue
		}
		if c.note(&c.diff.Attach, Difference{c.network(live.Network), "joined", ""}) {
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
