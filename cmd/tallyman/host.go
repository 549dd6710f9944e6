package main

import "github.com/spf13/cobra"

const hostHelp = `What is to be done about hosts besides commits. "tallyman get hosts" lists them;
cordon, drain and uncordon are verbs of their own.

EXIT STATUS
  0  done
  1  not done, and why`

func (a *app) hostCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "host", Short: "Look after hosts", Long: hostHelp, Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(a.hostCheckCommand(), a.hostForgetCommand())
	return c
}
