// Command tallyman holds Docker hosts to what a Git repository says. It is the
// controller and the command line in one binary.
//
// Here are flags, wiring, signals and exit codes, one file per verb. What is to
// be done is decided below reconcile, and how it reads in reconcile/report.
package main

import (
	"context"
	"os"
)

func main() {
	soft, hard, stop := signals(context.Background(), func() { os.Exit(exitError) })
	code := run(os.Args[1:], &app{
		soft: soft, hard: hard, out: os.Stdout, err: os.Stderr, lookupEnv: os.LookupEnv, environ: os.Environ,
	})
	stop()
	os.Exit(code)
}
