package hold

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// program builds a program for an architecture.
func program(t *testing.T, arch string) string {
	t.Helper()
	dir := t.TempDir()
	out := filepath.Join(dir, "program")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", out, "./testdata/nothing")
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	return out
}

func write(t *testing.T, i Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := i.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestTheSameProgramGivesTheSameImage(t *testing.T) {
	i := Image{Ref: "tallyman/hold:1", Arch: runtime.GOARCH, Program: program(t, runtime.GOARCH)}
	first := write(t, i)
	if !bytes.Equal(first, write(t, i)) {
		t.Error("written twice, it is another one")
	}
	config := configOf(t, first)
	if config.OS != "linux" || config.Architecture != runtime.GOARCH || strings.Join(config.Config.Entrypoint, " ") != "/tallyman hold" {
		t.Errorf("its configuration is %+v", config)
	}
}

type config struct {
	OS           string `json:"os"`
	Architecture string `json:"architecture"`
	Config       struct {
		Entrypoint []string `json:"Entrypoint"`
	} `json:"config"`
}

// configOf reads the image's configuration, the one file of its archive that is
// named by its hash.
func configOf(t *testing.T, archive []byte) (c config) {
	t.Helper()
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		h, err := r.Next()
		if err == io.EOF {
			t.Fatal("it has no configuration")
		}
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(h.Name, "sha256:") {
			continue
		}
		if err := json.NewDecoder(r).Decode(&c); err != nil {
			t.Fatal(err)
		}
		return c
	}
}

func TestAProgramThatWouldNotRunThereIsRefused(t *testing.T) {
	other := map[bool]string{true: "arm64", false: "amd64"}[runtime.GOARCH == "amd64"]
	for name, tc := range map[string]struct {
		image Image
		want  []string
	}{
		"another architecture": {Image{Ref: "tallyman/hold:1", Arch: other, Program: program(t, runtime.GOARCH)}, []string{"linux/" + runtime.GOARCH, "linux/" + other}},
		"no program of Linux":  {Image{Ref: "tallyman/hold:1", Arch: "amd64", Program: "image_test.go"}, []string{"linux/amd64"}},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			err := tc.image.Write(&b)
			if err == nil {
				t.Fatal("it was made")
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
			if b.Len() > 0 {
				t.Error("a part of it was written")
			}
		})
	}
}
