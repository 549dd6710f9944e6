package docker

import (
	"context"
	"fmt"

	"github.com/docker/docker/api"
	"github.com/docker/docker/api/types/versions"
	"github.com/docker/docker/client"
)

// oldestAPI is what this package is written for and tested against.
const oldestAPI = "1.41"

// api is the client; callers have been through ready before.
func (e *Engine) api() *client.Client { return e.link.Load() }

// ready makes sure that there is a client. The methods of the port begin with
// it.
func (e *Engine) ready(ctx context.Context) error {
	if e.api() != nil {
		return nil
	}
	return e.negotiate(ctx)
}

// negotiate asks the engine for its API version and links up by the newest
// that both know. The client could do that by itself, but only once, and not
// while others use it.
func (e *Engine) negotiate(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, e.timeouts.List)
	defer cancel()
	e.linking.Lock()
	defer e.linking.Unlock()
	probe, err := e.route.client("")
	if err != nil {
		return err
	}
	defer probe.Close()
	ping, err := probe.Ping(ctx)
	if err != nil {
		return err
	}
	version := ping.APIVersion
	switch {
	case versions.LessThan(version, oldestAPI):
		return invalid(fmt.Sprintf("its API version %q is older than %s; Docker 20.10 is the first that can be used", version, oldestAPI))
	case versions.GreaterThan(version, api.DefaultVersion):
		version = api.DefaultVersion
	}
	return e.relink(version)
}

// relink changes the client if it speaks another version. Calls under way end
// on the old one.
func (e *Engine) relink(version string) error {
	old := e.api()
	if old != nil && old.ClientVersion() == version {
		return nil
	}
	fresh, err := e.route.client(version)
	if err != nil {
		return err
	}
	e.link.Store(fresh)
	if old != nil {
		return old.Close()
	}
	return nil
}
