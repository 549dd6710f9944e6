package model

import "strings"

// Platforms are what images are made for, as "linux/amd64" or "linux/arm/v7", by
// digest: what a digest names never changes. Of one that is missing here nobody
// knows.
type Platforms map[string][]string

// Of is what the image is made for, nil when nobody knows.
func (p Platforms) Of(image string) []string {
	_, digest := SplitDigest(image)
	return p[digest]
}

// Those are the ones of these images.
func (p Platforms) Those(images []string) Platforms {
	var those Platforms
	for _, image := range images {
		if list := p.Of(image); len(list) > 0 {
			if those == nil {
				those = Platforms{}
			}
			_, digest := SplitDigest(image)
			those[digest] = list
		}
	}
	return those
}

// For says whether the image can run on what an engine says of itself. What is
// not known of either side is not held against it. Nor are variants, of which
// engines say nothing: an arm/v7 image may run on any arm.
func (p Platforms) For(image string, info *HostInfo) bool {
	list := p.Of(image)
	if len(list) == 0 || info.Arch == "" {
		return true
	}
	for _, platform := range list {
		os, rest, _ := strings.Cut(platform, "/")
		arch, _, _ := strings.Cut(rest, "/")
		if (info.OS == "" || os == info.OS) && runs(Arch(info.Arch), Arch(arch)) {
			return true
		}
	}
	return false
}

// runs says whether a machine may run what is made for another: engines pull that,
// too, where there is nothing better.
func runs(machine, made string) bool {
	return machine == made || machine == "amd64" && made == "386" || machine == "arm64" && made == "arm"
}

// Arch is an architecture as Go calls it, whatever it is called by a kernel.
func Arch(name string) string {
	switch name = strings.ToLower(name); name {
	case "x86_64", "x86-64":
		return "amd64"
	case "aarch64":
		return "arm64"
	case "i386", "i486", "i586", "i686", "x86":
		return "386"
	case "armhf", "armel", "armv5l", "armv6l", "armv7l", "armv8l":
		return "arm"
	}
	return name
}
