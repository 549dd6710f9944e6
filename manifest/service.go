package manifest

// Service is a long-running workload. Its replicas are kept running on the
// hosts, and are replaced one after the other when it changes.
type Service struct {
	Origin     `yaml:"-"`
	APIVersion string      `yaml:"apiVersion" check:"required,enum=tallyman/v1"`
	Kind       string      `yaml:"kind" check:"required,enum=Service"`
	Metadata   Metadata    `yaml:"metadata" check:"required"`
	Spec       ServiceSpec `yaml:"spec" check:"required"`
}

func (s *Service) name() string { return s.Metadata.Name }

func (s *Service) needs() []string { return s.Spec.DependsOn }

// ServiceSpec is what a service's replicas are and how they are run.
type ServiceSpec struct {
	// `replicated` runs a number of replicas, `global` one on every host that
	// the placement allows.
	Mode string `yaml:"mode" check:"enum=replicated|global" default:"replicated"`
	// How many replicas run. Not for mode global.
	Replicas *int `yaml:"replicas,omitempty" check:"min=0,max=10000" default:"1" aka:"scale,instances,count"`
	Workload `yaml:",inline"`
	// Containers that run to their end, one after the other, before the others
	// of a replica start: each must exit with code 0, and is tried again until it
	// does. With these or sidecars a replica is a pod: its containers share one
	// network, and so one address.
	InitContainers []InitContainer `yaml:"initContainers,omitempty" aka:"initcontainers"`
	// Containers that run beside the service's own: they start before it, are
	// healthy before it where they have a health check, and stop after it.
	Sidecars []Sidecar `yaml:"sidecars,omitempty" aka:"containers,sidecarContainers"`
	// Ports that are published on the replica's own host.
	Ports []Port `yaml:"ports,omitempty" aka:"expose"`
	// How the engine finds out whether a replica is healthy. Without it the
	// image's health check holds, if it has one.
	HealthCheck *HealthCheck `yaml:"healthCheck,omitempty" aka:"healthcheck,livenessProbe,readinessProbe"`
	// Which hosts may get a replica.
	Placement Placement `yaml:"placement,omitempty" aka:"affinity,tolerations"`
	// Who gets room where there is too little: replicas of higher priority are
	// placed first, and where none fits the fewest and lowest of other apps make
	// room, and go elsewhere or wait.
	Priority int `yaml:"priority,omitempty" check:"min=0,max=1000" aka:"priorityClassName"`
	// How replicas are replaced.
	Update Update `yaml:"update" aka:"updateConfig,rollout,strategy"`
	// What becomes of replicas on a host that is Lost: `move` places them on
	// other hosts, `wait` leaves them to that host until it is back. Without it a
	// service with an exclusive volume waits, because its data is there and the
	// replica may be running, and any other one moves.
	OnHostLoss string `yaml:"onHostLoss,omitempty" check:"enum=wait|move"`
	// Services of the same app that are rolled out before this one.
	DependsOn []string `yaml:"dependsOn,omitempty" check:"unique,format=name,ref=Service"`
	// Fields in which a container may differ from this manifest without being
	// put right, by their paths as `tallyman diff` prints them, each with all its
	// parts: `environment.LOG`, `labels["com.example.team"]`, `resources.limits`.
	// New containers are made with what is written here.
	IgnoreDifferences []FieldPath `yaml:"ignoreDifferences,omitempty" check:"unique" aka:"ignoreChanges"`
	// What becomes of the replicas when this manifest goes: `delete` removes
	// them; `orphan` leaves them running and lets go of them, until a manifest
	// names the service again. Without it the app's deletionPolicy holds.
	DeletionPolicy string `yaml:"deletionPolicy,omitempty" check:"enum=delete|orphan"`
	// Holds back what would end the service: that its manifest or its app goes,
	// or that it is scaled to 0. A commit before has to take the protection away.
	Protect bool `yaml:"protect,omitempty" aka:"preventDestroy,deletionProtection"`
	// When the engine itself starts a replica again, which keeps it up while
	// the controller is away: `no`, `always`, `unless-stopped`, `on-failure`
	// or `on-failure:<times>`.
	Restart Restart `yaml:"restart" default:"unless-stopped" aka:"restartPolicy"`
}

// Port publishes a port of the container on the replica's own host.
type Port struct {
	// The port that the program listens on.
	Port int `yaml:"port" check:"required,min=1,max=65535" aka:"target,containerPort"`
	// The port of the host; without it the engine chooses one.
	Published int `yaml:"published,omitempty" check:"min=1,max=65535" aka:"hostPort"`
	// The protocol.
	Protocol string `yaml:"protocol" check:"enum=tcp|udp|sctp" default:"tcp"`
	// The host's address to listen on; without it all of them.
	HostIP string `yaml:"hostIP,omitempty" check:"format=ip"`
}
