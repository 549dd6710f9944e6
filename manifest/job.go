package manifest

// Job is a workload that runs to its end: once for each change of the app, or
// by a schedule. A run is a container on one host; one that exits with 0 has
// succeeded.
type Job struct {
	Origin     `yaml:"-"`
	APIVersion string   `yaml:"apiVersion" check:"required,enum=tallyman/v1"`
	Kind       string   `yaml:"kind" check:"required,enum=Job"`
	Metadata   Metadata `yaml:"metadata" check:"required"`
	Spec       JobSpec  `yaml:"spec" check:"required"`
}

func (j *Job) name() string { return j.Metadata.Name }

// When a job runs.
const (
	WhenPreDeploy  = "preDeploy"
	WhenPostDeploy = "postDeploy"
	WhenSchedule   = "schedule"
)

// JobSpec is what a job runs, and when.
type JobSpec struct {
	// `preDeploy`: when the app has changed, after the images have been pulled
	// and before any of its replicas is touched; if it fails, the rollout has
	// failed. `postDeploy`: when the changed services are healthy; if it fails,
	// the rollout has failed as well. `schedule`: at the times in schedule.
	// A job that has succeeded for a rendering of the app does not run for it
	// again, and none runs when an app goes back by itself.
	When string `yaml:"when" check:"required,enum=preDeploy|postDeploy|schedule" aka:"trigger,hook,type"`
	// When it runs, as a cron expression of five fields: minute, hour, day of
	// the month, month, day of the week; or `@hourly`, `@daily`, `@weekly`,
	// `@monthly`, `@yearly`. Only with `when: schedule`, which needs it.
	Schedule string `yaml:"schedule,omitempty" check:"format=cron" aka:"cron,crons"`
	// The time zone of the schedule, such as `Europe/Berlin`; without it UTC. A
	// time that clocks leave out comes when they have jumped, and one that is
	// there twice comes once.
	TimeZone string `yaml:"timeZone,omitempty" check:"format=timeZone" aka:"timezone,tz"`
	// What happens when a run is due and the last one still runs. `Forbid`: it
	// is left out. `Allow`: it runs beside the other. `Replace`: the other is
	// stopped first. Only with `when: schedule`.
	ConcurrencyPolicy string `yaml:"concurrencyPolicy" check:"enum=Allow|Forbid|Replace" default:"Forbid" aka:"prohibitOverlap"`
	// How late a scheduled run may begin; without it however late. Of those
	// missed meanwhile, at most the last one is made up for.
	StartingDeadline Duration `yaml:"startingDeadline,omitempty" check:"min=10s" aka:"startingDeadlineSeconds"`
	// How often a run that fails is tried again before it has failed, after 10s,
	// 20s, 40s and so on up to 6m. A host that is away for a minute has failed.
	BackoffLimit int `yaml:"backoffLimit" check:"min=0,max=100" default:"2" aka:"retries,attempts"`
	// How long a run may take, all its tries together, before it is stopped and
	// has failed.
	Timeout Duration `yaml:"timeout" check:"min=1s,max=8760h" default:"1h" aka:"activeDeadlineSeconds,deadline"`
	// How many ended runs keep their containers, and so their logs. The last one
	// that has failed is kept besides.
	HistoryLimit int `yaml:"historyLimit" check:"min=1,max=100" default:"3" aka:"successfulJobsHistoryLimit,failedJobsHistoryLimit,ttlSecondsAfterFinished"`
	// Whether it is not run, other than by hand. What it misses is not made up
	// for.
	Suspend bool `yaml:"suspend,omitempty" aka:"suspended,paused"`
	// Which hosts may get a run.
	Placement JobPlacement `yaml:"placement,omitempty" aka:"affinity"`
	Workload  `yaml:",inline"`
}

// JobPlacement narrows down which hosts may get a run.
type JobPlacement struct {
	// Comparisons that a host must satisfy, all of them, such as
	// `host.labels.disk == ssd`, `host.name != edge-1`, `host.labels.zone in (a, b)`,
	// `host.labels.gpu exists`.
	Constraints []Constraint `yaml:"constraints,omitempty" check:"unique"`
	// Taints of hosts that do not keep the runs away.
	Tolerations []Toleration `yaml:"tolerations,omitempty"`
}

func (s *JobSpec) check(c *context) {
	s.checkWorkload(c)
	c.checkCron("schedule", s.Schedule)
	c.checkZone(s.TimeZone)
	switch {
	case s.When == WhenSchedule && !c.has("schedule"):
		c.errorf("has when: schedule and needs a schedule")
	case s.When == WhenPreDeploy, s.When == WhenPostDeploy:
		for _, field := range []string{"schedule", "timeZone", "concurrencyPolicy", "startingDeadline"} {
			c.notWith(field, "when: "+s.When, "which runs once for each change of the app")
		}
	}
}
