package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

const versionHelp = `Print which Tallyman this is.

    $ tallyman version
    tallyman v0.1.0 (go1.26.0 linux/amd64)

EXIT STATUS
  0  always`

// version is what -o json prints.
type version struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"` // of the source, when it was built in its repository
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print which Tallyman this is", Long: versionHelp, Args: args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			v := thisVersion()
			if a.wantsJSON() {
				return printJSON(a.out, v)
			}
			_, err := fmt.Fprintf(a.out, "tallyman %s (%s %s)\n", v.Version, v.Go, v.Platform)
			return err
		},
	}
}

// thisVersion is what the build noted in the binary.
func thisVersion() version {
	v := version{Version: "unknown", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	v.Version = info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			v.Revision = s.Value
		}
	}
	return v
}
