package docker

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/docker/docker/api/types/container"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// parallel is how many inspects of a pass are under way at once: enough to
// hide the way to a distant host, few enough not to push others aside.
const parallel = 8

// Observe reports the host as it is now.
func (e *Engine) Observe(ctx context.Context, q engine.Query) (model.HostState, error) {
	if q.Resync {
		e.forgetAll()
	}
	state := model.HostState{Name: e.host.Name, At: time.Now()}
	if err := e.ready(ctx); err != nil {
		return state, e.fail("reach engine", err)
	}
	list, err := e.list(ctx)
	if err != nil {
		return state, e.fail("list containers", err)
	}
	info, err := e.info(ctx)
	if err != nil {
		return state, e.fail("read engine information", err)
	}
	state.Info = info.HostInfo
	p := pass{owner: q.Owner, key: q.DigestKey, info: info}
	if p.networks, err = e.things(ctx, q, list, &state); err != nil {
		return state, err
	}
	state.Containers = e.inspectAll(ctx, list, p)
	state.Reachable = true
	return state, nil
}

// list is the one call that every pass makes.
func (e *Engine) list(ctx context.Context) ([]container.Summary, error) {
	ctx, cancel := context.WithTimeout(ctx, e.timeouts.List)
	defer cancel()
	return e.api().ContainerList(ctx, container.ListOptions{All: true})
}

// Ping lists one container. That takes the engine's way to its containers, which
// the API's own ping does not: an engine whose store hangs answers that one.
func (e *Engine) Ping(ctx context.Context) error {
	if err := e.ready(ctx); err != nil {
		e.probes.forgetAll()
		return e.fail("reach engine", err)
	}
	_, err := e.api().ContainerList(ctx, container.ListOptions{All: true, Limit: 1})
	if err != nil {
		e.probes.forgetAll()
	}
	return e.fail("list containers", err)
}

// things fills in what is not a container, and gives the ids of all networks.
func (e *Engine) things(ctx context.Context, q engine.Query, list []container.Summary, state *model.HostState) (map[string]bool, error) {
	nets, err := e.allNetworks(ctx)
	if err != nil {
		return nil, e.fail("list networks", err)
	}
	state.Networks = networkStates(nets, list)
	if state.Volumes, err = e.allVolumes(ctx); err != nil {
		return nil, e.fail("list volumes", err)
	}
	if state.Images, err = e.imageIDs(ctx, q.Images); err != nil {
		return nil, e.fail("inspect images", err)
	}
	ids := make(map[string]bool, len(nets))
	for i := range nets {
		ids[nets[i].ID] = true
	}
	return ids, nil
}

// pass is what the inspects of one pass share.
type pass struct {
	owner    string
	key      model.DigestKey
	info     hostInfo
	networks map[string]bool // ids of the networks that exist
}

// inspectAll turns the list into containers, asking the engine only about
// those of our owner that are new or suspicious.
func (e *Engine) inspectAll(ctx context.Context, list []container.Summary, p pass) []model.Container {
	e.retain(list)
	ctx, cancel := context.WithTimeout(ctx, e.timeouts.Round)
	defer cancel()
	found := make([]*model.Container, len(list))
	each(len(list), func(i int) bool {
		found[i] = e.known(&list[i], p)
		return found[i] == nil
	}, func(i int) { found[i] = e.look(ctx, &list[i], p) })
	containers := make([]model.Container, 0, len(list))
	for _, c := range found {
		if c.ID != "" {
			containers = append(containers, *c)
		}
	}
	slices.SortFunc(containers, func(a, b model.Container) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return containers
}

// each calls slow for the indexes below n for which need holds, several at
// once.
func each(n int, need func(int) bool, slow func(int)) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, parallel)
	for i := range n {
		if !need(i) {
			continue
		}
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			slow(i)
		})
	}
	wg.Wait()
}

// retain forgets containers and images that are gone.
func (e *Engine) retain(list []container.Summary) {
	ids, images := map[string]bool{}, map[string]bool{}
	for i := range list {
		ids[list[i].ID], images[list[i].ImageID] = true, true
	}
	e.containers.retain(func(id string) bool { return ids[id] })
	e.probes.retain(func(id string) bool { return ids[id] })
	e.defaults.retain(func(id string) bool { return images[id] })
}

// forgetAll makes the next pass look at everything anew. What an image gives
// is kept: an image never changes.
func (e *Engine) forgetAll() {
	e.containers.forgetAll()
	e.images.forgetAll()
	e.networks.forgetAll()
	e.volumes.forgetAll()
	e.infos.forgetAll()
}
