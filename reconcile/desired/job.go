package desired

import (
	"fmt"
	"sort"
	"time"

	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// jobs adds the app's jobs, sorted by name.
func (b *builder) jobs(app *model.App, names hostNames) error {
	for _, j := range b.partsOf(app.Name).jobs {
		job, err := b.job(j, names)
		if err != nil {
			return fmt.Errorf("job %q: %w", j.Metadata.Name, err)
		}
		app.Jobs = append(app.Jobs, job)
	}
	sort.Slice(app.Jobs, func(i, k int) bool { return app.Jobs[i].Name < app.Jobs[k].Name })
	return nil
}

// job is a job. Its containers get no restart policy: a run that has ended is to
// stay ended, and to be started again is a decision.
func (b *builder) job(j *manifest.Job, names hostNames) (model.Job, error) {
	container, err := b.container(j.App, &j.Spec.Workload, names)
	if err != nil {
		return model.Job{}, err
	}
	spec := &j.Spec
	return model.Job{
		App: j.App, Name: j.Metadata.Name,
		When: spec.When, Schedule: spec.Schedule, TimeZone: spec.TimeZone,
		Concurrency: spec.ConcurrencyPolicy, StartingDeadline: time.Duration(spec.StartingDeadline),
		BackoffLimit: spec.BackoffLimit, Timeout: time.Duration(spec.Timeout),
		HistoryLimit: spec.HistoryLimit, Suspend: spec.Suspend,
		Work: model.Service{
			App: j.App, Name: j.Metadata.Name, Mode: model.ModeReplicated, Replicas: 1, Pull: spec.Pull,
			Container: container, Fingerprint: model.Fingerprint(container),
			Reserve: amounts(spec.Resources.Reservations), Preview: b.preview,
			Placement: placement(manifest.Placement{Constraints: spec.Placement.Constraints, Tolerations: spec.Placement.Tolerations}),
		},
	}, nil
}
