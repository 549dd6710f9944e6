package giteatest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Version is the Gitea that tests run.
const Version = "v1.25.5"

const module = "code.gitea.io/gitea"

// program is a Gitea that was built, and where its templates are.
type program struct{ path, source string }

// Build gives the cached program, or builds it.
func Build(ctx context.Context) (string, error) {
	p, err := build(ctx)
	return p.path, err
}

func build(ctx context.Context) (program, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return program{}, err
	}
	dir := filepath.Join(cache, "tallyman", "gitea-"+Version)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return program{}, err
	}
	source, err := download(ctx, dir)
	if err != nil {
		return program{}, err
	}
	p := program{path: filepath.Join(dir, "gitea"), source: source}
	if _, err := os.Stat(p.path); err == nil {
		return p, nil
	}
	if _, err := exec.LookPath("gcc"); err != nil {
		return program{}, fmt.Errorf("build gitea %s: its SQLite is C: %w; to set this machine up, as root: go run ./internal/setup forge", Version, err)
	}
	made := fmt.Sprintf("%s.%d", p.path, os.Getpid()) // a half of it is never at its place
	defer os.Remove(made)
	if _, err := goTool(ctx, source, "build", "-trimpath", "-tags", "sqlite sqlite_unlock_notify", "-o", made, "."); err != nil {
		return program{}, fmt.Errorf("build gitea %s: %w", Version, err)
	}
	return p, os.Rename(made, p.path)
}

// download gives the folder of the module's source, out of Go's cache when it
// is there. Dir is outside of any module.
func download(ctx context.Context, dir string) (string, error) {
	out, err := goTool(ctx, dir, "mod", "download", "-json", module+"@"+Version)
	if err != nil {
		return "", fmt.Errorf("download gitea %s: %w", Version, err)
	}
	var got struct{ Dir string }
	if err := json.Unmarshal(out, &got); err != nil || got.Dir == "" {
		return "", fmt.Errorf("download gitea %s: go names no folder of it (%w)", Version, errors.Join(err))
	}
	return got.Dir, nil
}

func goTool(ctx context.Context, dir string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=1", "GOFLAGS=", "GOWORK=off")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w\n%s", args[0], err, stderr.Bytes())
	}
	return out, nil
}
