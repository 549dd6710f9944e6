package bench

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/client"

	"github.com/tallyman-io/tallyman/internal/dockertest"
)

// raw does with the plain Docker client what the controller does: the same
// creates and starts, and for a replacement also the stops and removals, at a
// fixed concurrency and without looking at the result.
type raw struct {
	b       *testing.B
	engine  *dockertest.Engine
	client  *client.Client
	network string
	env     []string // of what is made from now on
}

func newRaw(b *testing.B, e *dockertest.Engine) *raw {
	r := &raw{b: b, engine: e, client: e.Client, network: e.Name("raw")}
	_, err := r.client.NetworkCreate(context.Background(), r.network, network.CreateOptions{Labels: e.Labels()})
	check(b, err)
	return r
}

// each calls do for 0 to n-1, at most so many at once.
func each(n, concurrency int, do func(i int)) {
	var wg sync.WaitGroup
	tokens := make(chan struct{}, concurrency)
	for i := range n {
		tokens <- struct{}{}
		wg.Go(func() {
			defer func() { <-tokens }()
			do(i)
		})
	}
	wg.Wait()
}

// start creates and starts n containers and gives the time that took.
func (r *raw) start(prefix, image string, n, concurrency int) ([]string, time.Duration) {
	ids := make([]string, n)
	begun := time.Now()
	each(n, concurrency, func(i int) { ids[i] = r.startOne(fmt.Sprintf("%s-%s-%d", r.network, prefix, i), image) })
	return ids, time.Since(begun)
}

func (r *raw) startOne(name, image string) string {
	ctx := context.Background()
	created, err := r.client.ContainerCreate(ctx,
		&container.Config{Image: image, Env: r.env, Labels: r.engine.Labels()},
		&container.HostConfig{NetworkMode: container.NetworkMode(r.network), RestartPolicy: container.RestartPolicy{Name: "unless-stopped"}},
		&network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{r.network: {Aliases: []string{"web"}}}}, nil, name)
	check(r.b, err)
	check(r.b, r.client.ContainerStart(ctx, created.ID, container.StartOptions{}))
	return created.ID
}

// replace replaces the first n containers by others of the image: each new one
// is started before its old one is stopped and removed.
func (r *raw) replace(ids []string, prefix, image string, concurrency int) time.Duration {
	begun := time.Now()
	each(len(ids), concurrency, func(i int) {
		r.startOne(fmt.Sprintf("%s-%s-%d", r.network, prefix, i), image)
		r.end(ids[i])
	})
	return time.Since(begun)
}

func (r *raw) end(id string) {
	ctx, grace := context.Background(), 1
	check(r.b, r.client.ContainerStop(ctx, id, container.StopOptions{Timeout: &grace}))
	check(r.b, r.client.ContainerRemove(ctx, id, container.RemoveOptions{RemoveVolumes: true}))
}

// clear removes everything of the test's owner, so that the next measurement
// begins on the same engine.
func (r *raw) clear() {
	check(r.b, dockertest.RemoveOwned(context.Background(), r.client, r.engine.Owner))
}
