// Command server is what the containers of the examples and the tests run: a
// small HTTP server that can be told to start slowly, to be unhealthy, to exit
// and to ignore being stopped. It is one static binary that needs no file
// beside it, and imports nothing but the standard library.
//
//	server [serve]   serve until SIGTERM, then drain and exit 0
//	server health    exit 0 if /healthz of the server beside it answers 200
//
// Environment:
//
//	LISTEN=:8080        address to listen on
//	MESSAGE=text        what / answers
//	START_DELAY=2s      answer /healthz with 503 for so long
//	LAME_DUCK=2s        after SIGTERM answer /healthz with 503 and all else as
//	                    before for so long, and only then drain
//	FAIL=exit           exit with EXIT_CODE (1) after EXIT_AFTER (0s)
//	FAIL=unhealthy      answer /healthz with 503 for ever
//	FAIL=hang-start     never listen
//	FAIL=hang-stop      ignore SIGTERM
package main

import (
	"fmt"
	"os"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "server:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	verb := "serve"
	if len(args) > 0 {
		verb = args[0]
	}
	s, err := settingsFrom(os.Getenv)
	if err != nil {
		return err
	}
	switch verb {
	case "serve":
		return serve(s)
	case "health":
		return health(s)
	}
	return fmt.Errorf("run %q: unknown command; there are serve and health", verb)
}
