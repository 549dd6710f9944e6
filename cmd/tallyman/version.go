package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

const versionHelp = `Print which Tallyman this is.

    $ tallyman version
    tallyman v0.1.0 of commit 7f3a91c2 (go1.26.0 linux/amd64)

EXIT STATUS
  0  always`

// version is what -o json prints.
type version struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"` // of the source, when it was built in its repository
	Modified bool   `json:"modified,omitempty"` // the source differs from that revision
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print which Tallyman this is", Long: versionHelp, Args: args(cobra.NoArgs),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(*cobra.Command, []string) error { return a.printVersion() },
	}
}

func (a *app) printVersion() error {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{Main: debug.Module{Version: "unknown"}}
	}
	v := versionOf(info)
	if a.wantsJSON() {
		return printJSON(a.out, v)
	}
	_, err := fmt.Fprintln(a.out, v)
	return err
}

// versionOf is what the build noted in the binary.
func versionOf(info *debug.BuildInfo) version {
	v := version{Version: info.Main.Version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Revision = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}

// String says plainly when the binary does not know what it was made from: a
// release always does, a build of a working copy does with -buildvcs.
func (v version) String() string {
	commit := ""
	switch {
	case v.Revision != "" && v.Modified:
		commit = fmt.Sprintf(" of commit %.8s and changes to it", v.Revision)
	case v.Revision != "":
		commit = fmt.Sprintf(" of commit %.8s", v.Revision)
	case v.Version == "(devel)":
		commit = " of an unknown commit"
	}
	return fmt.Sprintf("tallyman %s%s (%s %s)", v.Version, commit, v.Go, v.Platform)
}
