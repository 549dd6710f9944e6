package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tallyman-io/tallyman/internal/suggest"
)

// helpAndCompletion gives the root command its verbs help and completion. Those
// that the library brings end with 0 whatever they are asked for.
func (a *app) helpAndCompletion(root *cobra.Command) {
	root.SetUsageFunc(usage)
	root.SetHelpCommand(&cobra.Command{
		Use: "help [VERB|" + flagsTopic + "]", Short: "Print the help of a verb, or the flags that all have",
		RunE: func(_ *cobra.Command, args []string) error { return help(root, args) },
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return append(verbs(root), flagsTopic), noFiles
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
	if len(words) == 1 && words[0] == flagsTopic {
		_, err := fmt.Fprintf(root.OutOrStdout(), "The flags that every verb has:\n\n%s\nEach can also be a variable or be in a file: see SETTINGS in tallyman --help.\n",
			root.PersistentFlags().FlagUsagesWrapped(helpWidth))
		return err
	}
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

// flagsTopic is what help is asked for to list the flags that every verb has:
// below each verb they would hide its own.
const flagsTopic = "flags"

// helpWidth is what fits a terminal.
const helpWidth = 80

// usage prints how a verb is used and what it has of its own.
func usage(c *cobra.Command) error {
	w := c.OutOrStderr()
	fmt.Fprint(w, "Usage:\n")
	if c.Runnable() && c.HasParent() {
		fmt.Fprintf(w, "  %s\n", c.UseLine())
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(w, "  %s [command]\n\nAvailable Commands:\n", c.CommandPath())
	}
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() || sub.Name() == "help" {
			fmt.Fprintf(w, "  %s %s\n", sub.Name()+strings.Repeat(" ", max(0, sub.NamePadding()-len(sub.Name()))), sub.Short)
		}
	}
	if own := c.LocalNonPersistentFlags(); own.HasAvailableFlags() {
		fmt.Fprintf(w, "\nFlags:\n%s", own.FlagUsagesWrapped(helpWidth))
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(w, "\n%s COMMAND --help tells more of one of them.\n", c.CommandPath())
	}
	_, err := fmt.Fprintf(w, "\nFlags that all verbs have (--repo, --state-dir, -o …): tallyman help %s\n", flagsTopic)
	return err
}

func noSuch(verb, word string, words []string) error {
	if len(words) == 0 {
		return fmt.Errorf("%s %q: there is nothing below it", verb, word)
	}
	return fmt.Errorf("%s %q: there are %s%s", verb, word, strings.Join(words, ", "), suggest.DidYouMean(word, words))
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
