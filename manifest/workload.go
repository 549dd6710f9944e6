package manifest

// Workload is what a replica of a service or a run of a job is: a container and
// its network.
type Workload struct {
	Process `yaml:",inline"`
	// The networks to join; without it the app's network "default". Other
	// services on them reach this one by its name. `[host]` shares the host's
	// own network, and `[none]` has none at all; neither goes with others.
	Networks []string `yaml:"networks,omitempty" check:"unique,format=name,ref=Network"`
	// Kernel parameters of the container's namespaces.
	Sysctls map[string]string `yaml:"sysctls,omitempty" check:"keys=sysctl"`
	// Lines for the container's hosts file: address by name.
	ExtraHosts map[string]string `yaml:"extraHosts,omitempty" check:"keys=hostname,format=hostIP" aka:"hostAliases"`
	// The container's resolver.
	DNS DNS `yaml:"dns,omitempty"`
	// The container's own host name; without it a part of its id.
	Hostname string `yaml:"hostname,omitempty" check:"format=shortHost"`
}

// Process is what a container runs and what it gets, except for the network.
type Process struct {
	// The image to run. Its registry is asked once per commit which digest a tag
	// stands for, and all hosts run that.
	Image string `yaml:"image" check:"required,format=image"`
	// Where the image comes from: with `missing` from its registry, where a host
	// does not have what the tag stands for; `always` is the same, because a
	// digest can't change; with `never` it is on the hosts already, and no
	// registry is asked.
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
	// What a replica may use, and what is set aside for it.
	Resources Resources `yaml:"resources,omitempty"`
	// The signal that asks the program to stop; without it the image's.
	StopSignal string `yaml:"stopSignal,omitempty" check:"format=signal"`
	// How long the program has to stop before it is killed; whole seconds.
	StopGracePeriod Duration `yaml:"stopGracePeriod" check:"min=1s,max=24h" default:"10s" aka:"terminationGracePeriodSeconds,stopTimeout"`
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
	// Limits of the container's processes by name, such as `nofile`.
	Ulimits map[string]Ulimit `yaml:"ulimits,omitempty" check:"keys=ulimit"`
	// The size of /dev/shm; without it 64MiB.
	ShmSize Size `yaml:"shmSize,omitempty" check:"min=1"`
	// Where the output goes.
	Logging Logging `yaml:"logging,omitempty"`
	// Labels of the containers.
	Labels map[string]string `yaml:"labels,omitempty" check:"keys=labelKey"`
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
