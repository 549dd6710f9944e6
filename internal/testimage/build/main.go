// Command build builds test images into the engine that DOCKER_HOST names, or
// the local one: go run ./internal/testimage/build tallyman/hello:1
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/tallyman-io/tallyman/internal/testimage"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	for _, tag := range os.Args[1:] {
		if err := testimage.Build(ctx, "", tag); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}
