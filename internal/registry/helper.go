package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

const (
	// helperTime bounds a credential helper, which may ask a service.
	helperTime = 10 * time.Second
	// helperOutput is more than any credentials take.
	helperOutput = 64 << 10
)

// helperName keeps the name of a helper from being a path.
var helperName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

// noneFound is what helpers print when they have nothing, by their protocol.
const noneFound = "credentials not found in native keychain"

// runHelper asks a credential helper. Its output is never repeated: it may
// hold the credentials, or whatever the helper thinks of them.
func runHelper(ctx context.Context, name, server string) (Credentials, bool, error) {
	path, err := helperPath(name)
	if err != nil {
		return Credentials{}, false, fmt.Errorf("find credential helper %q: %w", name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, helperTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "get")
	cmd.WaitDelay = time.Second // for children that hold its output open
	cmd.Stdin, cmd.Env = strings.NewReader(server), helperEnv()
	out := &bounded{left: helperOutput}
	cmd.Stdout = out
	switch err := cmd.Run(); {
	case strings.TrimSpace(out.String()) == noneFound:
		return Credentials{}, false, nil
	case ctx.Err() != nil:
		return Credentials{}, false, fmt.Errorf("run credential helper %q for %q: no answer within %s", name, server, helperTime)
	case err != nil:
		return Credentials{}, false, fmt.Errorf("run credential helper %q for %q: %w; run it by hand to see why", name, server, err)
	}
	return helperAnswer(out.Bytes(), name)
}

// helperPath is the absolute path of a helper in PATH.
func helperPath(name string) (string, error) {
	if !helperName.MatchString(name) {
		return "", errors.New("not a name")
	}
	path, err := exec.LookPath("docker-credential-" + name)
	if err != nil {
		return "", err
	}
	if !filepath.IsAbs(path) {
		return "", fmt.Errorf("%s is not an absolute path; PATH has a relative folder", path)
	}
	return path, nil
}

// helperEnv is the environment without our own variables, which may hold the
// credentials for Git.
func helperEnv() []string {
	var env []string
	for _, line := range os.Environ() {
		if !strings.HasPrefix(line, "TALLYMAN_") {
			env = append(env, line)
		}
	}
	return env
}

func helperAnswer(out []byte, name string) (Credentials, bool, error) {
	var answer struct{ Username, Secret string }
	if json.Unmarshal(out, &answer) != nil {
		return Credentials{}, false, fmt.Errorf("read the answer of credential helper %q: not what a helper answers", name)
	}
	switch {
	case answer.Username == "" && answer.Secret == "":
		return Credentials{}, false, nil
	case answer.Username == "<token>":
		return Credentials{IdentityToken: answer.Secret}, true, nil
	}
	return Credentials{Username: answer.Username, Password: answer.Secret}, true, nil
}

// bounded keeps the beginning of what is written to it.
type bounded struct {
	bytes.Buffer
	left int
}

func (b *bounded) Write(p []byte) (int, error) {
	kept := p[:min(len(p), b.left)]
	b.left -= len(kept)
	b.Buffer.Write(kept)
	return len(p), nil
}
