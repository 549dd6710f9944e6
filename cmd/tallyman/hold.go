package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/tallyman-io/tallyman/internal/hold"
)

const holdHelp = `Wait until told to stop. It is what the container runs that holds the network of
a pod, and of no use elsewhere.

EXIT STATUS
  0  always`

// holdCommand is not listed: nobody runs it by hand.
func (a *app) holdCommand() *cobra.Command {
	return &cobra.Command{
		Use: hold.Verb, Short: "Hold the network of a pod", Long: holdHelp, Hidden: true, Args: args(cobra.NoArgs),
		Run: func(c *cobra.Command, _ []string) { hold.Run(c.Context()) },
	}
}

// holdImage makes the image of the containers that hold pods' networks.
func holdImage(ref, arch string, w io.Writer) error {
	return hold.Image{Ref: ref, Arch: arch}.Write(w)
}
