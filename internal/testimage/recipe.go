package testimage

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// sources are compiled for the engine's architecture. Being embedded, they can
// be hashed and built from any working directory.
//
//go:embed server/main.go server/settings.go server/serve.go server/handler.go server/health.go
var sources embed.FS

const dockerfile = `FROM scratch
COPY server /server
ENV MESSAGE="hello from version %s"
LABEL org.opencontainers.image.version=%q %s=%q
ENTRYPOINT ["/server"]
CMD ["serve"]
`

const goMod = "module server\n\ngo 1.26\n"

// recipe is all that an image is made from.
type recipe struct {
	tag  string
	arch string
}

// version is what comes after the colon of the tag.
func (r recipe) version() string {
	if i := strings.LastIndexByte(r.tag, ':'); i > strings.LastIndexByte(r.tag, '/') {
		return r.tag[i+1:]
	}
	return "latest"
}

func (r recipe) dockerfile() string {
	v := r.version()
	return fmt.Sprintf(dockerfile, v, v, Label, r.hash())
}

// hash changes with everything that could change the image.
func (r recipe) hash() string {
	h := sha256.New()
	fmt.Fprintln(h, r.version(), r.arch, len(dockerfile))
	io.WriteString(h, dockerfile)
	for _, name := range sourceNames() {
		data, _ := sources.ReadFile("server/" + name)
		fmt.Fprintln(h, name, len(data))
		h.Write(data)
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}

func sourceNames() []string {
	entries, _ := sources.ReadDir("server") // sorted; an embedded folder can be read
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// context is the build context: the Dockerfile and the binary.
func (r recipe) context(ctx context.Context) (io.Reader, error) {
	binary, err := r.compile(ctx)
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for name, data := range map[string][]byte{"Dockerfile": []byte(r.dockerfile()), "server": binary} {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(data))}); err != nil {
			return nil, err
		}
		if _, err := w.Write(data); err != nil {
			return nil, err
		}
	}
	return &buf, w.Close()
}

func (r recipe) compile(ctx context.Context) ([]byte, error) {
	dir, err := os.MkdirTemp("", "tallyman-testimage-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	for _, name := range sourceNames() {
		data, _ := sources.ReadFile("server/" + name)
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			return nil, err
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(goMod), 0o644); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", "server", ".")
	cmd.Dir = dir
	// GOFLAGS and GOWORK of the caller could ask for what a module without
	// dependencies can't have, such as -mod=vendor.
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+r.arch, "GOFLAGS=", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("compile server: %w\n%s", err, out)
	}
	return os.ReadFile(filepath.Join(dir, "server"))
}
