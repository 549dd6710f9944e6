package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tallyman-io/tallyman/schemas"
)

const schemaHelp = `Print the JSON Schema of a kind of manifest, for editors and for other programs.
Manifest is the schema that fits all kinds. Without KIND the kinds are listed.

    $ tallyman schema Service > service.schema.json

EXIT STATUS
  0  printed
  1  there is no such kind`

func (a *app) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use: "schema [KIND]", Short: "Print the JSON Schema of a kind of manifest", Long: schemaHelp,
		Args: args(cobra.MaximumNArgs(1)), ValidArgs: append(schemas.Kinds(), schemas.Any),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return a.listKinds()
			}
			data, err := schemas.For(args[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(a.out, "%s", data)
			return err
		},
	}
}

func (a *app) listKinds() error {
	kinds := append(schemas.Kinds(), schemas.Any)
	if a.wantsJSON() {
		return printJSON(a.out, kinds)
	}
	_, err := fmt.Fprintln(a.out, strings.Join(kinds, "\n"))
	return err
}
