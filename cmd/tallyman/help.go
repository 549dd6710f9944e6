package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tallyman-io/tallyman/internal/settings"
)

// helpAndCompletion gives the root command its verbs help and completion. Those
// that the library brings end with 0 whatever they are asked for.
func (a *app) helpAndCompletion(root *cobra.Command) {
	root.SetHelpCommand(&cobra.Command{
		Use: "help [VERB]", Short: "Print the help of a verb",
		RunE: func(_ *cobra.Command, args []string) error { return help(root, args) },
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return verbs(root), noFiles
		},
	})
	_ = root.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]cobra.Completion{"text", "json"}, noFiles)) // it fails for a flag that there is not
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			completion(c)
		}
	}
}

const noFiles = cobra.ShellCompDirectiveNoFileComp

// completion lets the verb refuse shells that it does not know.
func completion(c *cobra.Command) {
	c.Use, c.Short = "completion SHELL", "Print the script that completes names in a shell"
	c.Args = cobra.ArbitraryArgs
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return c.Help()
		}
		return noSuch("completion", args[0], verbs(c))
	}
	for _, shell := range c.Commands() {
		shell.Args = args(cobra.NoArgs)
	}
}

// help prints the help of the command that the words lead to.
func help(root *cobra.Command, words []string) error {
	c := root
	for _, word := range words {
		next, _, err := c.Find([]string{word})
		if err != nil || next == c {
			return noSuch("help"+strings.TrimPrefix(c.CommandPath(), root.Name()), word, verbs(c))
		}
		c = next
	}
	c.InitDefaultHelpFlag() // it is listed too
	return c.Help()
}

func noSuch(verb, word string, words []string) error {
	if len(words) == 0 {
		return fmt.Errorf("%s %q: there is nothing below it", verb, word)
	}
	return fmt.Errorf("%s %q: there are %s%s", verb, word, strings.Join(words, ", "), settings.DidYouMean(word, words))
}

// verbs are the names of the commands below one.
func verbs(c *cobra.Command) []string {
	var names []string
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "help" {
			names = append(names, sub.Name())
		}
	}
	return names
}

// needsNoSettings says whether the command does the same whatever the settings
// are, so that a mistake in them must not keep it from its work.
func needsNoSettings(c *cobra.Command) bool {
	for ; c.HasParent(); c = c.Parent() {
		switch c.Name() {
		case "help", "completion", cobra.ShellCompRequestCmd, cobra.ShellCompNoDescRequestCmd:
			return true
		}
	}
	return false
}
