package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/tallyman-io/tallyman/internal/simulated"
	"github.com/tallyman-io/tallyman/internal/suggest"
	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/desired"
	"github.com/tallyman-io/tallyman/reconcile/engine/docker"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/report"
)

const hostCheckHelp = `Ask the engine of each host, or of the one that is named, about itself, and tell
what is wrong and what to do about it: whether it can be reached, by which
versions, its cgroups and limits, storage and what is on the disk, its clock,
and whether containers outlive a restart of the engine.

The hosts are those of the branch's manifests; without any it is the local one.
Where other documents are not good those of hosts count all the same.
No controller is needed: the hosts are reached from here, with the keys and
certificates of whoever asks. How full a disk is no engine tells.

    $ tallyman host check edge-1
    host edge-1 is not right
      endpoint  ssh://deploy@10.0.0.11
      wrong engine: reach engine on host "edge-1": user "deploy" on 10.0.0.11
    can't reach the socket /var/run/docker.sock: permission denied: add the user
    to the socket's group, which counts from the next login on (usermod -aG …)

EXIT STATUS
  0  nothing is wrong, though there may be warnings
  1  something is wrong with a host, or the hosts could not be had`

func (a *app) hostCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use: "check [NAME]", Short: "Tell what is wrong with hosts", Long: hostCheckHelp, Args: args(cobra.MaximumNArgs(1)),
		ValidArgsFunction: a.complete(hostNames),
		RunE:              func(c *cobra.Command, args []string) error { return a.checkHosts(c.Context(), args) },
	}
}

func (a *app) checkHosts(ctx context.Context, names []string) error {
	if dir := a.global.stateDir; simulated.Is(dir) {
		return fmt.Errorf("check hosts: state directory %q is a simulation's, whose hosts have no engines to ask; `tallyman get hosts` lists them, and without --state-dir the real ones are checked", dir)
	}
	hosts, err := a.declaredHosts(ctx)
	if err != nil {
		return err
	}
	if len(names) > 0 {
		if hosts, err = oneHost(hosts, names[0]); err != nil {
			return err
		}
	}
	checks := examineAll(ctx, hosts)
	if a.wantsJSON() {
		err = printJSON(a.out, checks)
	} else {
		err = report.ChecksText(a.out, checks, a.style())
	}
	if err == nil && slices.ContainsFunc(checks, func(c report.HostCheck) bool { return !c.OK }) {
		return exitCode(exitError)
	}
	return err
}

// declaredHosts are the hosts of the branch's manifests. Secrets stay closed and
// registries unasked: they have nothing to do with it.
func (a *app) declaredHosts(ctx context.Context) ([]model.Host, error) {
	tree, done, err := a.tree(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer done()
	set, err := manifest.Load(tree, a.global.limits.manifest())
	if invalid, is := errors.AsType[manifest.Errors](err); is {
		set, err = a.goodHosts(tree, invalid)
	}
	if err != nil {
		return nil, err
	}
	d, err := desired.Build(set, desired.Options{Owner: a.global.owner})
	if err != nil {
		return nil, err
	}
	return d.Hosts, nil
}

// goodHosts are those hosts of a branch that is not valid whose manifests are.
// Without any the local engine is not meant: theirs may be among the others.
func (a *app) goodHosts(tree fs.FS, invalid manifest.Errors) (*manifest.Set, error) {
	set, err := manifest.LoadHosts(tree, a.global.limits.manifest())
	if err != nil || len(set.Hosts) == 0 {
		return nil, invalid
	}
	a.warn("the branch is not valid, so hosts may be missing here; `tallyman validate` tells what is wrong with it")
	return set, nil
}

func oneHost(hosts []model.Host, name string) ([]model.Host, error) {
	var names []string
	for _, h := range hosts {
		if h.Name == name {
			return []model.Host{h}, nil
		}
		names = append(names, h.Name)
	}
	return nil, fmt.Errorf("check host %q: no manifest registers such a host%s", name, suggest.DidYouMean(name, names))
}

const (
	// examinedAtOnce is enough to hide that some don't answer.
	examinedAtOnce = 32
	// examineTime bounds one host, for whom measuring its disk takes longest.
	examineTime = 30 * time.Second
)

func examineAll(ctx context.Context, hosts []model.Host) []report.HostCheck {
	checks := make([]report.HostCheck, len(hosts))
	slots := make(chan struct{}, examinedAtOnce)
	var wg sync.WaitGroup
	for i := range hosts {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			checks[i] = report.CheckHost(examine(ctx, hosts[i]))
		})
	}
	wg.Wait()
	return checks
}

func examine(ctx context.Context, host model.Host) *report.Examined {
	ctx, cancel := context.WithTimeout(ctx, examineTime)
	defer cancel()
	found := &report.Examined{Host: host}
	e, err := docker.New(host)
	if err != nil {
		found.Error = err.Error()
		return found
	}
	defer e.Close() //nolint:errcheck // only read from
	if found.Info, err = e.Info(ctx); err != nil {
		found.Error = err.Error()
		return found
	}
	if found.Disk, err = e.DiskUsage(ctx); err != nil {
		found.DiskError = err.Error()
	}
	return found
}
