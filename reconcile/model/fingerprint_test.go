package model

import (
	"maps"
	"reflect"
	"testing"
	"time"
)

// full is a spec in which every field is set.
func full() ContainerSpec {
	return ContainerSpec{
		Image: "web:1", ImageID: "sha256:aa", Entrypoint: []string{"/e"}, Command: []string{"c"}, Env: map[string]string{"A": "b"},
		SecretEnv: map[string]SecretRef{"S": {Secret: "s", Key: "k", Digest: "d"}},
		User:      "u", WorkingDir: "/w", Hostname: "h", Labels: map[string]string{"l": "v"},
		Files:    []File{{Path: "/f", Mode: 0o444, Digest: "sha256:bb"}},
		Mounts:   []Mount{{Kind: MountVolume, Source: "v", Target: "/v"}},
		Networks: []Attachment{{Network: "n", Aliases: []string{"a"}}},
		Ports:    []Port{{Container: 80, Published: 8080, Protocol: "tcp"}}, HealthCheck: &HealthCheck{Test: []string{"CMD", "x"}},
		StopSignal: "SIGINT", StopGrace: time.Second, Init: true, ReadOnly: true, Privileged: true,
		CapAdd: []string{"A"}, CapDrop: []string{"B"}, Devices: []Device{{Host: "/d"}}, Sysctls: map[string]string{"s": "1"},
		Ulimits: []Ulimit{{Name: "nofile"}}, ExtraHosts: []ExtraHost{{Name: "e"}}, DNS: DNS{Servers: []string{"d"}},
		ShmSize: 1, Logging: Logging{Driver: "local"}, Adjustable: Adjustable{NanoCPUs: 1},
	}
}

// TestEveryFieldIsInTheFingerprint takes one field away after the other; only
// what can be put right in place, and what differs between engines, may leave
// the fingerprint as it is.
func TestEveryFieldIsInTheFingerprint(t *testing.T) {
	whole := Fingerprint(full())
	left := map[string]bool{"ImageID": true, "Adjustable": true}
	for i := range reflect.TypeFor[ContainerSpec]().NumField() {
		name := reflect.TypeFor[ContainerSpec]().Field(i).Name
		spec := full()
		field := reflect.ValueOf(&spec).Elem().Field(i)
		if field.IsZero() {
			t.Errorf("%s is not set in the test's spec", name)
		}
		field.SetZero()
		if same := Fingerprint(spec) == whole; same != left[name] {
			t.Errorf("without %s the fingerprint is the same: %v", name, same)
		}
	}
}

func TestTheFingerprintChangesNothing(t *testing.T) {
	spec := full()
	Fingerprint(spec)
	if !reflect.DeepEqual(spec, full()) {
		t.Error("the spec was changed")
	}
}

// TestFingerprintsLast: a fingerprint is a label on containers that run for
// years. Whoever changes how it is made, be it by moving a field of the spec,
// replaces all of them; a new field that is left out when unset does not.
func TestFingerprintsLast(t *testing.T) {
	withoutSecrets := full()
	withoutSecrets.SecretEnv = nil
	for want, spec := range map[string]ContainerSpec{
		"5e517af95652ec5f": {Image: "web:1", Env: map[string]string{"B": "2", "A": "1"}},
		"d663200c12b7792d": withoutSecrets,
		"1915062c2e822265": full(),
	} {
		if got := Fingerprint(spec); got != want {
			t.Errorf("is %s, was %s", got, want)
		}
	}
}

func TestHashDoesNotDependOnTheOrderOfMaps(t *testing.T) {
	a := map[string]int{}
	for i := range 100 {
		a[string(rune('a'+i))] = i
	}
	if Hash(a) != Hash(maps.Clone(a)) {
		t.Error("equal maps have different hashes")
	}
}

func TestDigest(t *testing.T) {
	if got := Digest([]byte("x")); got != "sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881" {
		t.Error(got)
	}
}
