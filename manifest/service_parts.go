package manifest

// Resources are what a replica may use, and what is set aside for it.
type Resources struct {
	// What a replica may use at most.
	Limits Limits `yaml:"limits,omitempty"`
	// What a replica is sure to need. It is set aside on the replica's host, and a
	// host that has less left gets no new one. The engine takes the memory for a
	// soft limit besides.
	Reservations Amounts `yaml:"reservations,omitempty" aka:"requests"`
}

func (r *Resources) check(c *context) {
	if r.Limits.Memory > 0 && r.Reservations.Memory > r.Limits.Memory {
		c.at("reservations", "memory").errorf("must be at most limits.memory")
	}
	if r.Limits.CPUs > 0 && r.Reservations.CPUs > r.Limits.CPUs {
		c.at("reservations", "cpus").errorf("must be at most limits.cpus")
	}
}

// Limits are what a replica may use at most. They change in place, without a
// new container.
type Limits struct {
	// CPUs, such as `0.5`.
	CPUs CPUs `yaml:"cpus,omitempty" check:"min=0.01" aka:"cpu"`
	// Memory, such as `256MiB`.
	Memory Size `yaml:"memory,omitempty" check:"min=6MiB" aka:"mem"`
	// Processes and threads.
	Pids int `yaml:"pids,omitempty" check:"min=1"`
}

// HealthCheck is a command that the engine runs inside the container.
type HealthCheck struct {
	// The command: a list is run as it is, a text by the container's shell.
	// It tells health by exit code 0.
	Command *HealthCommand `yaml:"command,omitempty" aka:"test,exec"`
	// Switches the image's health check off; then nothing else is given.
	Disable bool `yaml:"disable,omitempty"`
	// The time between two checks; without it the engine's 30s.
	Interval Duration `yaml:"interval,omitempty" check:"min=1ms" aka:"periodSeconds"`
	// How long one check may take; without it the engine's 30s.
	Timeout Duration `yaml:"timeout,omitempty" check:"min=1ms" aka:"timeoutSeconds"`
	// How many checks in a row must fail; without it the engine's 3.
	Retries int `yaml:"retries,omitempty" check:"min=1" aka:"failureThreshold"`
	// How long after the start failures do not count.
	StartPeriod Duration `yaml:"startPeriod,omitempty" check:"min=1ms" aka:"initialDelaySeconds"`
}

func (h *HealthCheck) check(c *context) {
	switch {
	case !h.Disable && h.Command == nil:
		c.errorf("needs a command, or disable: true")
	case h.Disable && *h != (HealthCheck{Disable: true}):
		c.at("disable").errorf("leaves no room for other fields")
	}
}

// Update is how replicas are replaced.
type Update struct {
	// `start-first`: the new replica is healthy before the old one stops.
	// `stop-first`: the old one stops before the new one starts. `auto`:
	// start-first, and stop-first where two copies can't coexist.
	Order string `yaml:"order" check:"enum=auto|start-first|stop-first" default:"auto"`
	// How many replicas are replaced at once: a number, or a percentage of all
	// of them, rounded down and at least 1. 0 is all at once.
	Parallelism Portion `yaml:"parallelism" default:"1"`
	// After a replica has become ready, the next one is begun only so much later.
	Delay Duration `yaml:"delay,omitempty" check:"min=0s"`
	// How long a new replica is watched: the rollout is complete when each has
	// run for so long, and one that ends or turns unhealthy meanwhile has failed.
	// Without health check a replica counts as ready only then.
	Monitor Duration `yaml:"monitor" check:"min=0s" default:"5s"`
	// How many replicas have to serve for one to be taken away, where the old
	// one stops before the new one starts; a percentage is rounded up.
	MinHealthy Portion `yaml:"minHealthy,omitempty" aka:"minAvailable"`
	// When no replica has become ready for so long, the rollout has failed. What
	// it has to wait for does not count.
	Deadline Duration `yaml:"deadline" check:"min=1s" default:"5m" aka:"progressDeadline"`
	// How many replicas may fail before the rollout has failed; a percentage is
	// rounded down.
	MaxFailures Portion `yaml:"maxFailures" default:"0" aka:"maxFailureRatio"`
	// Some replicas that are replaced before the others. They run beside the
	// old ones, unless these have to stop first; those are kept until the others
	// may follow. When one of them fails, the rollout has failed.
	Canary *Canary `yaml:"canary,omitempty" aka:"canaries"`
}

// Canary is how many replicas are replaced first, and when the others follow.
type Canary struct {
	// How many replicas, at least 1: a number, or a percentage of all of them,
	// rounded up.
	Replicas Portion `yaml:"replicas" check:"required" aka:"count,weight"`
	// When the others follow: so long after all canaries have become ready, or
	// with `manual` when somebody runs `tallyman promote`.
	PromoteAfter Promotion `yaml:"promoteAfter" default:"manual" aka:"autoPromote,pause"`
}

func (k *Canary) check(c *context) {
	if k.Replicas.N == 0 {
		c.at("replicas").errorf("must be at least 1: leave canary out to do without")
	}
}

// Device makes a device of the host visible in the container.
type Device struct {
	// The device on the host.
	Host string `yaml:"host" check:"required,format=absPath" aka:"source"`
	// The device in the container; without it the same.
	Path string `yaml:"path,omitempty" check:"format=absPath" aka:"target,container"`
	// What the container may do: some of `r` read, `w` write, `m` make.
	Permissions string `yaml:"permissions" check:"format=devicePerm" default:"rwm"`
}

// Ulimit is a limit of the container's processes; -1 is no limit.
type Ulimit struct {
	// The limit that holds.
	Soft int64 `yaml:"soft" check:"required,min=-1"`
	// How far a process may raise it; without it the same.
	Hard *int64 `yaml:"hard,omitempty" check:"min=-1"`
}

func (u *Ulimit) check(c *context) {
	if u.Hard != nil && *u.Hard >= 0 && (u.Soft < 0 || u.Soft > *u.Hard) {
		c.at("soft").errorf("must be at most hard")
	}
}

// DNS overrides the container's resolver settings.
type DNS struct {
	// Addresses of name servers, in the order they are asked.
	Servers []string `yaml:"servers,omitempty" check:"unique,format=ip"`
	// Domains that short names are completed with.
	Search []string `yaml:"search,omitempty" check:"unique,format=hostname"`
	// Resolver options, such as `ndots:2`.
	Options []string `yaml:"options,omitempty" check:"unique,format=text"`
}

// Logging chooses where the container's output goes.
type Logging struct {
	// The engine's log driver; without it the engine's default.
	Driver string `yaml:"driver,omitempty" check:"format=driver"`
	// Options of the driver.
	Options map[string]string `yaml:"options,omitempty" check:"keys=text"`
}

func (l *Logging) check(c *context) {
	if l.Driver == "" && len(l.Options) > 0 {
		c.at("driver").errorf("is required where options are given")
	}
}
