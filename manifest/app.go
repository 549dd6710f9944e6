package manifest

import "slices"

// App owns the manifests in its folder and below, and is the unit of rollout:
// they move from commit to commit as one. What is outside of any App belongs
// to the app "default".
type App struct {
	Origin     `yaml:"-"`
	APIVersion string   `yaml:"apiVersion" check:"required,enum=tallyman/v1"`
	Kind       string   `yaml:"kind" check:"required,enum=App"`
	Metadata   Metadata `yaml:"metadata" check:"required"`
	Spec       AppSpec  `yaml:"spec"`
}

func (a *App) name() string { return a.Metadata.Name }

// needs are the apps that it waits for, in one way or the other.
func (a *App) needs() []string {
	if a.Spec.Promotion == nil {
		return a.Spec.DependsOn
	}
	return append(slices.Clone(a.Spec.DependsOn), a.Spec.Promotion.From)
}

// AppSpec says how an app follows the branch.
type AppSpec struct {
	// What may be done without a person.
	Sync Sync `yaml:"sync" aka:"syncPolicy"`
	// What becomes of the replicas of a service whose manifest goes, where the
	// service does not say: `delete` removes them, `orphan` leaves them running
	// and lets go of them.
	DeletionPolicy string `yaml:"deletionPolicy" check:"enum=delete|orphan" default:"delete"`
	// What a failed rollout leads to. `rollback`: all services of the app go
	// back together to the last good commit, and what failed is not tried again
	// until the app's manifests change. `revert`: the same, and Git is told: a pull
	// request reverts the commit, or a commit on the branch does, as `serve
	// --revert` says. `pause`: everything stays as it is.
	// `continue`: what failed of a service is stopped where its old replicas
	// serve, and the app's other services go on; those that depend on it wait.
	OnFailure string `yaml:"onFailure" check:"enum=rollback|revert|pause|continue" default:"rollback"`
	// The images of how many good revisions stay on the hosts. Older ones that
	// came from a registry are removed after a rollout, where no container is
	// made from them; 0 removes none.
	ImageRetention int `yaml:"imageRetention" check:"min=0" default:"3"`
	// Apps that come first: a rollout of this one begins when each of them is
	// where the branch wants it, healthy, and not rolled back.
	DependsOn []string `yaml:"dependsOn,omitempty" check:"unique,format=name,ref=App"`
	// The app in which a commit has to prove itself before this one gets it.
	Promotion *AppPromotion `yaml:"promotion,omitempty"`
	// Who has to have signed the commits that this app follows. One that has a commit
	// in its history that nobody of them signed, since the last that was verified, is
	// not rolled out here.
	Verify *Verify `yaml:"verify,omitempty"`
	// Secrets of this app with credentials for image registries. Each has a key
	// `config.json` (or `.dockerconfigjson`) that holds a Docker configuration
	// with `auths`. The first one that knows a registry counts, and then what the
	// controller has itself. To change one replaces nothing.
	PullSecrets []string `yaml:"pullSecrets,omitempty" aka:"imagePullSecrets" check:"unique,format=name,ref=Secret"`
	// Which pull requests run beside the app, as apps of their own.
	Previews *Previews `yaml:"previews,omitempty" aka:"pullRequests"`
}

// AppPromotion lets a commit into an app when it has proved itself in another one.
type AppPromotion struct {
	// The app that has to be where the branch wants it, and healthy without a
	// break for the time of soak. A commit that changes nothing of that app is
	// proved by what runs there already.
	From string `yaml:"from" check:"required,format=name,ref=App"`
	// How long it has to be healthy there.
	Soak Duration `yaml:"soak" check:"min=0s,max=8760h" default:"1h"`
}

// Sync says what may be done without a person.
type Sync struct {
	// Whether a new commit is rolled out at once.
	Auto bool `yaml:"auto" default:"true"`
	// Whether what left the manifests is removed. Volumes never are.
	Prune bool `yaml:"prune" default:"true"`
	// Whether what was changed by hand is put right.
	SelfHeal bool `yaml:"selfHeal" default:"true"`
	// More removals than this in one commit wait for a person.
	MaxRemovals int `yaml:"maxRemovals" check:"min=0" default:"10"`
	// When rollouts may begin. Any open window that denies shuts; of those that
	// allow, if there are any, one must be open. What has begun goes on to its
	// end; healing, and going back from a commit that has failed, wait for no
	// window. `tallyman apply` goes past them.
	Windows []Window `yaml:"windows,omitempty" aka:"syncWindows"`
}

// Window is a stretch of time in which rollouts may begin, or may not: exactly
// one of allow and deny is given.
type Window struct {
	_ struct{} `exactlyOne:"allow,deny"`
	// When a window begins in which rollouts may begin, as a cron expression of
	// five fields: minute, hour, day of the month, month, day of the week.
	Allow string `yaml:"allow,omitempty" check:"format=cron"`
	// When a window begins in which no rollout may begin.
	Deny string `yaml:"deny,omitempty" check:"format=cron"`
	// How long the window is open each time.
	Duration Duration `yaml:"duration" check:"required,min=1m,max=8760h"`
	// The time zone of the expression, such as `Europe/Berlin`; without it UTC.
	TimeZone string `yaml:"timeZone,omitempty" check:"format=timeZone" aka:"timezone,tz"`
}

func (w *Window) check(c *context) {
	c.checkCron("allow", w.Allow)
	c.checkCron("deny", w.Deny)
	c.checkZone(w.TimeZone)
}
