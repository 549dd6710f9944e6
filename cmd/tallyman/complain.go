package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/tallyman-io/tallyman/internal/settings"
	"github.com/tallyman-io/tallyman/manifest"
)

// problem is what -o json prints of an error, on one line of standard error:
// standard output holds nothing but what the verb promises.
type problem struct {
	Error string `json:"error"`
	Hint  string `json:"hint,omitempty"`
	// Errors are the mistakes in the manifests, when it is these.
	Errors []*manifest.Error `json:"errors,omitempty"`
}

// complain tells the error that a verb ends with.
func (a *app) complain(args []string, err error) {
	if !a.complainsInJSON(args) {
		fmt.Fprintf(a.err, "tallyman: %s\n", err)
		if h := hint(err); h != "" {
			fmt.Fprintf(a.err, "hint: %s\n", h)
		}
		return
	}
	p := problem{Error: err.Error(), Hint: hint(err)}
	var invalid manifest.Errors
	if errors.As(err, &invalid) {
		p.Errors = invalid
	}
	printLine(a.err, p)
}

// warn tells what is not as it should be and does not keep the verb from its
// work.
func (a *app) warn(format string, args ...any) {
	if a.wantsJSON() {
		printLine(a.err, map[string]string{"warning": fmt.Sprintf(format, args...)})
		return
	}
	fmt.Fprintf(a.err, "warning: "+format+"\n", args...)
}

// printLine writes a value as one line; nobody is left to hear that it failed.
func printLine(w io.Writer, value any) { _ = json.NewEncoder(w).Encode(value) }

// complainsInJSON looks for itself: the error may be one of the command line
// or of the settings, so that not all of them have been read.
func (a *app) complainsInJSON(args []string) bool {
	for i := len(args) - 1; i >= 0; i-- {
		switch arg := args[i]; {
		case (arg == "-o" || arg == "--output") && i+1 < len(args):
			return args[i+1] == "json"
		case strings.HasPrefix(arg, "--output="):
			return arg == "--output=json"
		case arg == "-ojson" || arg == "-o=json":
			return true
		}
	}
	value, _ := a.lookupEnv(settings.Variable("output"))
	return a.wantsJSON() || value == "json"
}
