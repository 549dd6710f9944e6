package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/tallyman-io/tallyman/git"
	"github.com/tallyman-io/tallyman/internal/edit"
	"github.com/tallyman-io/tallyman/internal/server"
	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/engine/docker"
)

// The exit codes. Each verb's help says which of them it has.
const (
	exitOK      = 0
	exitError   = 1
	exitChanges = 2
	exitFailed  = 3
)

// exitCode ends a verb with a code and nothing more to say.
type exitCode int

func (c exitCode) Error() string { return fmt.Sprintf("exit code %d", int(c)) }

// codeOf is the exit code that an error stands for.
func codeOf(err error) int {
	var code exitCode
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &code):
		return int(code)
	}
	return exitError
}

// hint says what to do next about an error, where that is clear.
func hint(err error) string {
	var invalid manifest.Errors
	var denied *edit.DeniedError
	switch {
	case errors.As(err, &denied):
		return "somebody who may can do it by hand:\n" + strings.TrimRight(denied.Commands, "\n")
	case errors.Is(err, git.ErrEmptyRepository):
		return "commit some manifests first"
	case errors.Is(err, git.ErrBranchNotFound):
		return "name the branch to follow with --branch"
	case errors.Is(err, git.ErrPathNotFound):
		return "name the folder of the manifests within the repository with --path"
	case errors.Is(err, manifest.ErrNoManifests):
		return "add a manifest (tallyman schema Service shows the fields), or name the folder that holds them with --path"
	case errors.Is(err, docker.ErrEndpoint):
		return "write unix:///PATH, tcp://HOST:PORT or ssh://USER@HOST; without DOCKER_HOST and Host manifests it is the local engine"
	case errors.Is(err, errNoHost):
		return "start the Docker engine there, or point DOCKER_HOST or the Host manifest's endpoint at the right one"
	case errors.Is(err, server.ErrNoController):
		return "ask again: without a controller most verbs look for themselves; `tallyman serve` starts one"
	case errors.Is(err, git.ErrUnknownHost):
		return "check the host's name in --repo, and that this machine can look names up"
	case errors.Is(err, git.ErrPlainHTTP):
		return "use the repository's https address; --git-allow-plain-http is for networks where nobody listens"
	case errors.Is(err, git.ErrAccess):
		return "see CREDENTIALS in tallyman --help"
	case errors.As(err, &invalid):
		return "tallyman validate checks them without touching anything"
	case strings.Contains(err.Error(), "not a Git repository"), errors.Is(err, fs.ErrNotExist) && strings.HasPrefix(err.Error(), "fetch repository"):
		return "name a repository with --repo, or make one: git init -b main, git add, git commit"
	}
	return ""
}
