package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// need is a program and the Debian package that has it.
type need struct {
	program string
	pkg     string
	why     string
}

func engineNeeds() []need {
	return []need{
		{"dockerd", "docker.io", "to run containers"},
		{"iptables", "iptables", "dockerd makes its networks with it"},
	}
}

func testNeeds() []need {
	return append([]need{
		{"git", "git", "the tests fetch from real Git servers"},
		{"sshd", "openssh-server", "so they do over ssh, from an sshd of their own on a loopback port"},
		{"ssh-keygen", "openssh-client", "for that one's keys"},
		{"docker-registry", "docker-registry", "the tests pull from a registry of their own on a loopback port"},
		{"ip", "iproute2", "the tests make several Docker hosts on this machine"},
		{"nsenter", "util-linux", "the same"},
		{"mount", "mount", "the same"},
		{"hostname", "hostname", "the same"},
		{"gcc", "gcc", "for the race detector"},
		{"/usr/include/stdlib.h", "libc6-dev", "the same"},
	}, engineNeeds()...)
}

func forgeNeeds() []need {
	return []need{
		{"git", "git", "Gitea runs it"},
		{"gcc", "gcc", "Gitea's SQLite is C"},
		{"/usr/include/stdlib.h", "libc6-dev", "the same"},
	}
}

func podmanNeeds() []need {
	return append([]need{
		{"podman", "podman", "to hold it to what engines promise"},
		{"/usr/lib/podman/netavark", "netavark", "it makes its networks with it"},
		{"/usr/lib/podman/aardvark-dns", "aardvark-dns", "for names in them"},
	}, testNeeds()...)
}

// ensure installs what is missing.
func ensure(ctx context.Context, needs []need) error {
	var packages []string
	for _, n := range needs {
		if !present(n.program) {
			fmt.Printf("setup: %s is missing (%s)\n", n.program, n.why)
			packages = append(packages, n.pkg)
		}
	}
	if len(packages) == 0 {
		return nil
	}
	if err := canInstall(); err != nil {
		return fmt.Errorf("%w; install what provides these: %s", err, strings.Join(packages, " "))
	}
	fmt.Printf("setup: installing %s\n", strings.Join(packages, " "))
	if err := apt(ctx, "update"); err != nil {
		return err
	}
	return apt(ctx, append([]string{"install", "-y", "--no-install-recommends"}, packages...)...)
}

// present looks for a program in PATH, or for a file.
func present(program string) bool {
	_, err := exec.LookPath(program)
	if filepath.IsAbs(program) {
		_, err = os.Stat(program)
	}
	return err == nil
}

func canInstall() error {
	if _, err := exec.LookPath("apt-get"); err != nil {
		return errors.New("only Debian and Ubuntu are set up automatically, and apt-get is not here")
	}
	if os.Geteuid() != 0 {
		return errors.New("installing packages takes root")
	}
	return nil
}

// apt runs apt-get, and is silent unless it fails.
func apt(ctx context.Context, args ...string) error {
	options := []string{"-q", "-o", "Acquire::Retries=3", "-o", "DPkg::Lock::Timeout=120"}
	cmd := exec.CommandContext(ctx, "apt-get", append(options, args...)...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("apt-get %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}
