package model

import "testing"

func TestArchitecturesHaveOneName(t *testing.T) {
	for want, names := range map[string][]string{
		"amd64": {"amd64", "x86_64", "AMD64"}, "arm64": {"arm64", "aarch64"}, "386": {"386", "i386", "i686"},
		"arm": {"arm", "armhf", "armv7l", "armv6l"}, "riscv64": {"riscv64"}, "s390x": {"s390x"},
	} {
		for _, name := range names {
			if got := Arch(name); got != want {
				t.Errorf("%s is %s, want %s", name, got, want)
			}
		}
	}
}

func TestThoseKeepsWhatIsKnownOfTheImages(t *testing.T) {
	known := Platforms{"sha256:a": {"linux/amd64"}, "sha256:b": {"linux/arm64"}}
	got := known.Those([]string{"web:1@sha256:b", "web:2@sha256:c", "local:1"})
	if len(got) != 1 || len(got["sha256:b"]) != 1 {
		t.Errorf("got %v", got)
	}
	if got := known.Those([]string{"local:1"}); got != nil {
		t.Errorf("of an image without a digest: %v", got)
	}
	if !known.For("local:1", &HostInfo{Arch: "arm64"}) || known.For("web:1@sha256:a", &HostInfo{Arch: "arm64"}) {
		t.Error("an image without a digest is not for arm64, or one for amd64 is")
	}
}
