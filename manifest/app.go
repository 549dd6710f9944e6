package manifest

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
	// until the app's manifests change. `pause`: everything stays as it is.
	// `continue`: the app's other services go on.
	OnFailure string `yaml:"onFailure" check:"enum=rollback|pause|continue" default:"rollback"`
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
}
