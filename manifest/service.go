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

// ServiceSpec is what a service's replicas are and how they are run.
type ServiceSpec struct {
	// `replicated` runs a number of replicas, `global` one on every host that
	// the placement allows.
	Mode string `yaml:"mode" check:"enum=replicated|global" default:"replicated"`
	// How many replicas run. Not for mode global.
	Replicas *int `yaml:"replicas,omitempty" check:"min=0,max=10000" default:"1" aka:"scale,instances,count"`
	// The image to run.
	Image string `yaml:"image" check:"required,format=image"`
	// When the image is fetched: `missing` when the host does not have it,
	// `always` before each rollout, `never` when it is on the host already.
	Pull string `yaml:"pull" check:"enum=always|missing|never" default:"missing" aka:"pullPolicy,imagePullPolicy"`
	// The program, in place of the image's.
	Entrypoint []string `yaml:"entrypoint,omitempty"`
	// The program's arguments, in place of the image's.
	Command []string `yaml:"command,omitempty" aka:"args,cmd"`
	// Environment variables. Numbers and booleans have to be quoted. A value
	// that must not be read in the repository is written
	// `{secret: <Secret>, key: <key>}`.
	Environment map[string]EnvValue `yaml:"environment,omitempty" check:"keys=envName" aka:"env,envs,variables"`
	// Files that are put into the container before it starts.
	Files []FileRef `yaml:"files,omitempty" aka:"configs"`
	// Volumes, folders of the host and tmpfs that are mounted.
	Mounts []Mount `yaml:"mounts,omitempty" aka:"volumes,volumeMounts"`
	// The networks to join; without it the app's network "default". Other
	// services on them reach this one by its name. `[host]` shares the host's
	// own network, and `[none]` has none at all; neither goes with others.
	Networks []string `yaml:"networks,omitempty" check:"unique,format=name,ref=Network"`
	// Ports that are published on the replica's own host.
	Ports []Port `yaml:"ports,omitempty" aka:"expose"`
	// What a replica may use, and what is set aside for it.
	Resources Resources `yaml:"resources,omitempty"`
	// How the engine finds out whether a replica is healthy. Without it the
	// image's health check holds, if it has one.
	HealthCheck *HealthCheck `yaml:"healthCheck,omitempty" aka:"healthcheck,livenessProbe,readinessProbe"`
	// The signal that asks the program to stop; without it the image's.
	StopSignal string `yaml:"stopSignal,omitempty" check:"format=signal"`
	// How long the program has to stop before it is killed; whole seconds.
	StopGracePeriod Duration `yaml:"stopGracePeriod" check:"min=1s,max=24h" default:"10s" aka:"terminationGracePeriodSeconds,stopTimeout"`
	// Which hosts may get a replica.
	Placement Placement `yaml:"placement,omitempty" aka:"affinity"`
	// How replicas are replaced.
	Update Update `yaml:"update" aka:"updateConfig,rollout,strategy"`
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

	// The user the program runs as, `user` or `user:group`; without it the
	// image's.
	User string `yaml:"user,omitempty" check:"format=user"`
	// The folder the program starts in; without it the image's.
	WorkingDir string `yaml:"workingDir,omitempty" check:"format=absPath"`
	// Whether a small init process forwards signals and reaps zombies.
	Init bool `yaml:"init,omitempty"`
	// Whether the container's own file system is read-only. Not together with
	// files, which the engine refuses to copy into such a container.
	ReadOnly bool `yaml:"readOnly,omitempty" aka:"readOnlyRootFilesystem"`
	// Whether the container gets every right on the host. Avoid it.
	Privileged bool `yaml:"privileged,omitempty"`
	// Capabilities to add, such as `NET_ADMIN`.
	CapAdd []string `yaml:"capAdd,omitempty" check:"unique,format=capability"`
	// Capabilities to drop, or `ALL`.
	CapDrop []string `yaml:"capDrop,omitempty" check:"unique,format=capability"`
	// Devices of the host that are visible in the container.
	Devices []Device `yaml:"devices,omitempty"`
	// Kernel parameters of the container's namespaces.
	Sysctls map[string]string `yaml:"sysctls,omitempty" check:"keys=sysctl"`
	// Limits of the container's processes by name, such as `nofile`.
	Ulimits map[string]Ulimit `yaml:"ulimits,omitempty" check:"keys=ulimit"`
	// Lines for the container's hosts file: address by name.
	ExtraHosts map[string]string `yaml:"extraHosts,omitempty" check:"keys=hostname,format=hostIP" aka:"hostAliases"`
	// The container's resolver.
	DNS DNS `yaml:"dns,omitempty"`
	// The container's own host name; without it a part of its id.
	Hostname string `yaml:"hostname,omitempty" check:"format=shortHost"`
	// The size of /dev/shm; without it 64MiB.
	ShmSize Size `yaml:"shmSize,omitempty" check:"min=1"`
	// Where the output goes.
	Logging Logging `yaml:"logging,omitempty"`
	// Labels of the containers.
	Labels map[string]string `yaml:"labels,omitempty" check:"keys=labelKey"`
	// When the engine itself starts a replica again, which keeps it up while
	// the controller is away: `no`, `always`, `unless-stopped`, `on-failure`
	// or `on-failure:<times>`.
	Restart Restart `yaml:"restart" default:"unless-stopped" aka:"restartPolicy"`
}

// FileRef puts a key of a Config or of a Secret into the container as a file:
// exactly one of config and secret is given.
type FileRef struct {
	_ struct{} `exactlyOne:"config,secret"`
	// The Config.
	Config string `yaml:"config,omitempty" check:"format=name,ref=Config" aka:"source"`
	// The Secret. Its file lies in the container's writable layer until the
	// container is removed.
	Secret string `yaml:"secret,omitempty" check:"format=name,ref=Secret"`
	// The key in the Config or Secret.
	Key string `yaml:"key" check:"required,format=configKey,ref=key"`
	// Where the file is in the container.
	Path string `yaml:"path" check:"required,format=absPath" aka:"target"`
	// The file's permission bits; without it 0444, and 0400 for a secret.
	Mode *FileMode `yaml:"mode,omitempty"`
	// The number of the user that owns the file.
	UID int `yaml:"uid,omitempty" check:"min=0,max=4294967294"`
	// The number of the group that owns the file.
	GID int `yaml:"gid,omitempty" check:"min=0,max=4294967294"`
}

// Mount makes a volume, a folder of the host or a tmpfs visible in the
// container: exactly one of volume, bind and tmpfs is given.
type Mount struct {
	_ struct{} `exactlyOne:"volume,bind,tmpfs"`
	// The Volume to mount at path.
	Volume string `yaml:"volume,omitempty" check:"format=name,ref=Volume"`
	// The folder or file of the host to mount at path.
	Bind string `yaml:"bind,omitempty" check:"format=absPath" aka:"source,hostPath"`
	// Where to mount an empty file system in memory.
	Tmpfs string `yaml:"tmpfs,omitempty" check:"format=absPath"`
	// Where the volume or folder is in the container.
	Path string `yaml:"path,omitempty" check:"format=absPath" aka:"target,destination,mountPath"`
	// Whether the container may only read it.
	ReadOnly bool `yaml:"readOnly,omitempty"`
	// The size of a tmpfs; without it half of the host's memory.
	Size Size `yaml:"size,omitempty" check:"min=1"`
}

// Target is where the mount is in the container.
func (m Mount) Target() string {
	if m.Tmpfs != "" {
		return m.Tmpfs
	}
	return m.Path
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
