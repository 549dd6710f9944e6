package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tallyman-io/tallyman/schemas"
)

const schemaHelp = `Print the JSON Schema of a kind of manifest, for editors and for other programs.
Manifest is the schema that fits all kinds.

    $ tallyman schema Service > service.schema.json

EXIT STATUS
  0  printed
  1  there is no such kind`

func (a *app) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use: "schema KIND", Short: "Print the JSON Schema of a kind of manifest", Long: schemaHelp,
		Args: args(cobra.ExactArgs(1)), ValidArgs: append(schemas.Kinds(), schemas.Any),
		RunE: func(_ *cobra.Command, args []string) error {
			data, err := schemas.For(args[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(a.out, "%s", data)
			return err
		},
	}
}
