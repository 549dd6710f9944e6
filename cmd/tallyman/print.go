package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"

	"github.com/tallyman-io/tallyman/reconcile/report"
)

func (a *app) wantsJSON() bool { return a.global.output == "json" }

// style is how to write for whoever reads out: colours are for terminals, and
// NO_COLOR or TERM=dumb switch them off there, too.
func (a *app) style() report.Style {
	file, ok := a.out.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return report.Style{}
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil || width <= 0 {
		width = 80
	}
	noColor, _ := a.lookupEnv("NO_COLOR")
	kind, _ := a.lookupEnv("TERM")
	if kind == "dumb" {
		return report.Style{} // nor can it draw over what is there
	}
	return report.Style{Color: noColor == "", Width: width}
}

// printJSON writes a value for programs: indented, one document.
func printJSON(w io.Writer, value any) error {
	data, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", data)
	return err
}
