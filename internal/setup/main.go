// Command setup prepares a machine for the demo and the tests, with nothing
// given but Go, a package manager and, where it has to install something, root
// on Debian or Ubuntu. It installs only what is missing and says so; elsewhere
// it says what to do.
//
//	setup [engine]   a Docker engine answers at DOCKER_HOST or the local socket
//	setup test       that, and the programs that the tests run
//	setup forge      what a Gitea is built with
//	setup podman     Podman, and the programs that its tests run
//
// It knows nothing of Tallyman.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "setup:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	// Where root came by su, its PATH lacks the folders of dockerd and sshd.
	if err := os.Setenv("PATH", os.Getenv("PATH")+":/usr/local/sbin:/usr/sbin:/sbin"); err != nil {
		return err
	}
	what := "engine"
	if len(args) > 0 {
		what = args[0]
	}
	switch what {
	case "engine":
		return ensureEngine(ctx)
	case "test":
		if err := ensure(ctx, testNeeds()); err != nil {
			return err
		}
		return ensureEngine(ctx)
	case "forge":
		return ensure(ctx, forgeNeeds())
	case "podman":
		return ensure(ctx, podmanNeeds())
	}
	return fmt.Errorf("set up %q: there are engine, test, forge and podman", what)
}
