package manifest

// Volume keeps data on a host. It is made on the hosts that need it and never
// removed, whatever the manifests say: only `tallyman volume remove` does that, and
// the end of a preview for its own.
type Volume struct {
	Origin     `yaml:"-"`
	APIVersion string     `yaml:"apiVersion" check:"required,enum=tallyman/v1"`
	Kind       string     `yaml:"kind" check:"required,enum=Volume"`
	Metadata   Metadata   `yaml:"metadata" check:"required"`
	Spec       VolumeSpec `yaml:"spec"`
}

func (v *Volume) name() string { return v.Metadata.Name }

// VolumeSpec is how the volume is made. A volume that exists keeps its data:
// another driver or other options for it are refused by the plan, which says
// how to move the data by hand.
type VolumeSpec struct {
	// The engine's volume driver.
	Driver string `yaml:"driver" check:"format=driver" default:"local"`
	// Options of the driver. They are readable in Git and on the host: no
	// place for a password.
	Options map[string]string `yaml:"options,omitempty" check:"keys=text" aka:"driverOpts,driver_opts"`
	// A folder of an NFS server, mounted by the engine.
	NFS *NFS `yaml:"nfs,omitempty"`
	// A share of a Windows or Samba server, mounted by the engine.
	CIFS *CIFS `yaml:"cifs,omitempty" aka:"smb,samba"`
	// A file system in the host's memory. What is in it is gone when no
	// container uses it; unlike a mount's tmpfs several containers can share it.
	Tmpfs *TmpfsVolume `yaml:"tmpfs,omitempty"`
	// A volume that exists on the hosts already, made by somebody else: `true`
	// when its name there is this one's, or `{name: X}`. It is never made, and
	// services wait for a host to have it.
	External *External `yaml:"external,omitempty"`
	// Who may mount it at a time. `exclusive`: one replica of one service, which
	// runs where the data is and nowhere else, also while that host is away; on an
	// update the old replica stops before the new one starts. `shared`: any
	// number, on any hosts; each host has a volume of its own, unless the driver
	// makes them one. Without it: shared with nfs, cifs and tmpfs, else exclusive.
	Access string `yaml:"access,omitempty" check:"enum=exclusive|shared"`
	// Whether `tallyman volume remove` refuses to remove it. Nothing else would
	// remove it anyway.
	Protect bool `yaml:"protect,omitempty" aka:"preventDestroy,deletionProtection"`
	// Labels of the volume on the host. A volume that exists keeps those it was
	// made with.
	Labels map[string]string `yaml:"labels,omitempty" check:"keys=labelKey"`
}

// NFS is a folder of an NFS server.
type NFS struct {
	// The server's name or address, as the hosts reach it.
	Server string `yaml:"server" check:"required,format=server" aka:"addr,address"`
	// The folder on the server.
	Path string `yaml:"path" check:"required,format=absPath" aka:"device,share,export"`
	// Mount options, such as `nfsvers=4.1`, `ro` or `soft`.
	Options []string `yaml:"options,omitempty" check:"unique,format=mountOption"`
}

// CIFS is a share of a Windows or Samba server. A password is a secret, which a
// manifest can't hold: until secrets reach volumes, what asks for one is made
// by hand on the hosts and declared as external.
type CIFS struct {
	// The server's name or address, as the hosts reach it.
	Server string `yaml:"server" check:"required,format=server" aka:"addr,address"`
	// The share, and perhaps a folder in it, such as `backup` or `data/web`.
	Share string `yaml:"share" check:"required,format=relPath" aka:"path,device"`
	// Mount options, such as `vers=3.0`, `guest` or `uid=1000`.
	Options []string `yaml:"options,omitempty" check:"unique,format=mountOption"`
}

// TmpfsVolume is a file system in memory that containers of a host share.
type TmpfsVolume struct {
	// Its size; without it half of the host's memory.
	Size Size `yaml:"size,omitempty" check:"min=1"`
}

// Exclusive says whether one container may have the volume at a time.
func (s *VolumeSpec) Exclusive() bool {
	if s.Access != "" {
		return s.Access == "exclusive"
	}
	return s.NFS == nil && s.CIFS == nil && s.Tmpfs == nil
}

func (s *VolumeSpec) check(c *context) {
	var given []string
	for _, source := range []string{"nfs", "cifs", "tmpfs", "external"} {
		if c.has(source) {
			given = append(given, source)
		}
	}
	if len(given) == 0 {
		return
	}
	for _, other := range given[1:] {
		c.notWith(other, given[0], "a volume is one of them")
	}
	if s.Driver != "local" { // which may well be said
		c.notWith("driver", given[0], "which says how the volume is made")
	}
	c.notWith("options", given[0], "which says how the volume is made")
	if s.External != nil {
		c.notWith("labels", "external", "which says that somebody else made it")
		c.notWith("protect", "external", "which is never removed")
	}
}
