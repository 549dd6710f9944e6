package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tallyman-io/tallyman/internal/settings"
	"github.com/tallyman-io/tallyman/internal/suggest"
)

// app is what every verb has at hand.
type app struct {
	soft, hard context.Context
	out, err   io.Writer
	lookupEnv  func(string) (string, bool)
	environ    func() []string // all variables, as NAME=value; nil is none
	global     global
}

const rootHelp = `Tallyman holds plain Docker hosts to what a Git repository says.

Commit manifests and they run; commit a change and it rolls out, replica by
replica, each old one going when its successor is healthy; git revert rolls it
back. What somebody breaks by hand is put right.

    tallyman validate .           # every mistake, and its place
    tallyman plan --repo .        # what would change, why, and on which host
    tallyman apply --repo .       # make it so, and wait until it is healthy
    tallyman serve --repo .       # keep it so

SETTINGS
  Every flag can also be given as a variable (--state-dir as TALLYMAN_STATE_DIR)
  or in the YAML file that --config names (state-dir: /var/lib/tallyman). The
  command line wins over the environment, and that over the file. A variable
  that begins so and is no setting is warned of. What every verb has is listed
  by "tallyman help flags".

OUTPUT
  With -o json every verb prints JSON for programs, and an error is one line of
  it on standard error: {"error": "…", "hint": "…"}.

CREDENTIALS
  For https: TALLYMAN_GIT_TOKEN, or TALLYMAN_GIT_USERNAME with
  TALLYMAN_GIT_PASSWORD; or the names of files that hold them in
  TALLYMAN_GIT_TOKEN_FILE and TALLYMAN_GIT_PASSWORD_FILE.
  For ssh: the key in TALLYMAN_GIT_SSH_KEY_FILE (and its passphrase in
  TALLYMAN_GIT_SSH_PASSPHRASE or …_PASSPHRASE_FILE), or else the agent.
  For hosts over ssh: the keys, agent and ~/.ssh/config of whoever runs this, or
  the files that the Host manifest names; for those over tcp, its certificates.
  For secrets in manifests: age keys in the files that --age-key-file or
  SOPS_AGE_KEY_FILE names, or in TALLYMAN_AGE_KEY or SOPS_AGE_KEY.
  For image registries: the Docker configuration, as docker login writes it,
  with its credential helpers; or the file that --registry-config names. The
  pullSecrets of an app go before it.
  No secret is ever taken from the command line.`

// run runs the command line and gives the exit code.
func run(args []string, a *app) int {
	root := a.command()
	root.SetArgs(args)
	err := root.ExecuteContext(a.soft)
	var code exitCode
	if err != nil && !errors.As(err, &code) {
		a.complain(args, err)
	}
	return codeOf(err)
}

// command is the root command with all verbs.
func (a *app) command() *cobra.Command {
	root := &cobra.Command{
		Use: "tallyman", Short: "Hold Docker hosts to what Git says", Long: rootHelp,
		SilenceUsage: true, SilenceErrors: true,
	}
	showVersion := root.Flags().Bool("version", false, "print which Tallyman this is")
	root.RunE = func(c *cobra.Command, _ []string) error {
		if *showVersion {
			return a.printVersion()
		}
		return c.Help()
	}
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.SetFlagErrorFunc(flagError)
	root.SuggestionsMinimumDistance = 2
	a.global.flags(root.PersistentFlags())
	root.AddCommand(
		a.validateCommand(), a.planCommand(), a.simulateCommand(), a.applyCommand(), a.serveCommand(),
		a.statusCommand(), a.getCommand(), a.describeCommand(), a.diffCommand(),
		a.rollbackCommand(), a.pauseCommand(), a.resumeCommand(), a.retryCommand(), a.promoteCommand(), a.runCommand(), a.rebalanceCommand(), a.volumeCommand(),
		a.cordonCommand(), a.drainCommand(), a.uncordonCommand(), a.hostCommand(),
		a.historyCommand(), a.eventsCommand(), a.logsCommand(), a.schemaCommand(), a.versionCommand(), a.holdCommand(),
	)
	a.helpAndCompletion(root)
	root.PersistentPreRunE = func(c *cobra.Command, _ []string) error {
		if needsNoSettings(c) {
			return nil
		}
		a.warnOfVariables(root)
		return a.settle(root, c)
	}
	return root
}

// settle fills in what the command line left open, and checks it.
func (a *app) settle(root, c *cobra.Command) error {
	file := a.global.config
	if value, found := a.lookupEnv(settings.Variable("config")); file == "" && found {
		file = value
	}
	typed := named(c)
	if err := settings.Fill(c.Flags(), settings.Sources{LookupEnv: a.lookupEnv, File: file, Known: knownFlags(root)}); err != nil {
		return err
	}
	for _, name := range named(c) {
		a.global.given = append(a.global.given, a.givenBy(name, slices.Contains(typed, name)))
	}
	if err := notEmpty(c.Flags(), "repo", "path", "state-dir", "owner"); err != nil {
		return err
	}
	return a.global.check()
}

// named are those of the flags which say what is followed that have a value.
func named(c *cobra.Command) []string {
	return slices.DeleteFunc([]string{"repo", "branch", "path"}, func(name string) bool { return !c.Flags().Changed(name) })
}

// givenBy says where a flag's value is from.
func (a *app) givenBy(flag string, typed bool) given {
	variable := settings.Variable(flag)
	switch value, _ := a.lookupEnv(variable); {
	case typed:
		return given{flag, "--" + flag, "leave the flag out"}
	case value != "":
		return given{flag, "variable " + variable, "unset the variable"}
	}
	return given{flag, "setting " + flag, "leave the setting out of the configuration file"}
}

// notEmpty refuses flags that are given without a value: a shell's variable that
// is not set must not stand for the default, which names another installation.
func notEmpty(flags *pflag.FlagSet, names ...string) error {
	for _, name := range names {
		if f := flags.Lookup(name); f.Changed && f.Value.String() == "" {
			return fmt.Errorf("read --%s: must not be empty; leave it out for the default", name)
		}
	}
	return nil
}

// variables are those that are no flags: no secret is taken from a command line.
func variables() []string {
	return []string{gitToken, gitPassword, gitPassphrase, ageKeyVariable}
}

// warnOfVariables tells of variables that look like settings and are none.
func (a *app) warnOfVariables(root *cobra.Command) {
	if a.environ == nil {
		return
	}
	for _, problem := range settings.Unknown(a.environ(), knownFlags(root), variables()) {
		a.warn("%s", problem)
	}
}

// knownFlags are the flags of all verbs.
func knownFlags(root *cobra.Command) []string {
	var names []string
	add := func(f *pflag.Flag) { names = append(names, f.Name) }
	root.PersistentFlags().VisitAll(add)
	for _, c := range root.Commands() {
		c.LocalNonPersistentFlags().VisitAll(add)
		for _, sub := range c.Commands() {
			sub.LocalNonPersistentFlags().VisitAll(add)
		}
	}
	return names
}

// longest is as long as a duration can be.
const longest = "2562047h"

// flagError adds what may have been meant.
func flagError(c *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) && invalid.GetFlag().Value.Type() == "duration" {
		return fmt.Errorf("read --%s %q: write a duration such as 90s or 15m, of at most %s", invalid.GetFlag().Name, invalid.GetValue(), longest)
	}
	if errors.As(err, &invalid) && strings.HasPrefix(invalid.GetFlag().Value.Type(), "int") {
		return fmt.Errorf("read --%s %q: must be %s", invalid.GetFlag().Name, invalid.GetValue(), settings.WholeNumber)
	}
	if !errors.As(err, &unknown) {
		return err
	}
	var names []string
	c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	return fmt.Errorf("unknown flag --%s%s; %s --help lists them",
		unknown.GetSpecifiedName(), strings.ReplaceAll(suggest.DidYouMean(unknown.GetSpecifiedName(), names), `"`, ""), c.CommandPath())
}

// args says how a verb is used when it is given too few or too many arguments.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if check(c, args) == nil {
			return nil
		}
		for n := range args {
			if check(c, args[:n]) == nil {
				return fmt.Errorf("%s: unexpected argument %q; usage: %s", c.Name(), args[n], c.UseLine())
			}
		}
		return fmt.Errorf("%s: an argument is missing; usage: %s", c.Name(), c.UseLine())
	}
}
