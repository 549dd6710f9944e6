package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tallyman-io/tallyman/git"
	"github.com/tallyman-io/tallyman/reconcile/report"
)

// completeTime is how long somebody waits who has pressed the tabulator key.
const completeTime = time.Second

// names are what a status has to offer as an argument.
type names func(*report.Status) []string

func appNames(s *report.Status) []string {
	var all []string
	for i := range s.Apps {
		all = append(all, s.Apps[i].Name)
	}
	return all
}

func serviceNames(s *report.Status) []string {
	var all []string
	for _, v := range report.Services(s) {
		all = append(all, v.Key())
	}
	return all
}

func replicaNames(s *report.Status) []string {
	var all []string
	for _, r := range report.Replicas(s) {
		all = append(all, r.Key())
	}
	return all
}

func jobNames(s *report.Status) []string {
	var all []string
	for _, j := range report.Jobs(s) {
		all = append(all, j.Key())
	}
	return all
}

func hostNames(s *report.Status) []string {
	var all []string
	for i := range s.Hosts {
		all = append(all, s.Hosts[i].Name)
	}
	return all
}

// complete offers the names that a running controller knows. Without one, or
// when anything is wrong, it offers nothing and is silent: looking at the hosts
// would take too long, and a shell's prompt is no place for errors.
func (a *app) complete(kinds ...names) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 || a.settle(c.Root(), c) != nil {
			return nil, noFiles
		}
		ctx, cancel := context.WithTimeout(a.soft, completeTime)
		defer cancel()
		running, err := a.controller(ctx)
		if err != nil || running == nil {
			return nil, noFiles
		}
		defer running.Close()
		s, err := running.Status(ctx)
		if err != nil {
			return nil, noFiles
		}
		return beginning(begun, &s, kinds), noFiles
	}
}

func beginning(begun string, s *report.Status, kinds []names) []cobra.Completion {
	var fits []cobra.Completion
	for _, kind := range kinds {
		for _, name := range kind(s) {
			if strings.HasPrefix(name, begun) {
				fits = append(fits, name)
			}
		}
	}
	return fits
}

// completeRevisions offers the branches and tags of a local repository; another
// one would have to be asked over the network.
func (a *app) completeRevisions(c *cobra.Command, _ []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if a.settle(c.Root(), c) != nil || !local(a.global.repo) {
		return nil, noFiles
	}
	repo, err := git.Open(a.gitConfig(mirrorDir(a.global.stateDir)))
	if err != nil {
		return nil, noFiles
	}
	ctx, cancel := context.WithTimeout(a.soft, completeTime)
	defer cancel()
	found, err := repo.Names(ctx)
	if err != nil {
		return nil, noFiles
	}
	return slices.DeleteFunc(append(found, "HEAD"), func(name string) bool { return !strings.HasPrefix(name, begun) }), noFiles
}
