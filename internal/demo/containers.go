package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// settleTime is how long the hosts may take to be what the commit says.
const settleTime = 90 * time.Second

// replicas is how many the example asks for.
const replicas = 2

// containers lists the demo's containers, as the engine reports them.
func (s *stage) containers(ctx context.Context) ([]container.Summary, error) {
	all, err := s.docker.ContainerList(ctx, container.ListOptions{
		All: true, Filters: filters.NewArgs(filters.Arg("label", model.LabelOwner+"="+s.owner)),
	})
	slices.SortFunc(all, func(a, b container.Summary) int { return strings.Compare(name(a), name(b)) })
	return all, err
}

func name(c container.Summary) string {
	if len(c.Names) == 0 {
		return c.ID
	}
	return strings.TrimPrefix(c.Names[0], "/")
}

// expect waits until the engine has the replicas, all of them healthy and of
// this image, and nothing besides; then it shows them.
func (s *stage) expect(ctx context.Context, image string) error {
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	for {
		found, err := s.containers(ctx)
		if err != nil {
			return err
		}
		if asExpected(found, image) {
			s.list(found)
			return nil
		}
		select {
		case <-ctx.Done():
			s.list(found)
			return fmt.Errorf("expected %d healthy containers of %s", replicas, image)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func asExpected(found []container.Summary, image string) bool {
	for _, c := range found {
		if c.Image != image || c.State != container.StateRunning || !strings.Contains(c.Status, "(healthy)") {
			return false
		}
	}
	return len(found) == replicas
}

func (s *stage) list(found []container.Summary) {
	fmt.Fprintln(s.out)
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "  CONTAINER\tIMAGE\tSTATUS\tPORT")
	for _, c := range found {
		port := ""
		for _, p := range c.Ports {
			port = fmt.Sprint(p.PublicPort)
		}
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s\n", name(c), c.Image, c.Status, port)
	}
	w.Flush()
}
