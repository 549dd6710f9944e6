package docker

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// inspected is a container as it was inspected, and what the list showed then.
type inspected struct {
	signature string
	key       model.DigestKey // that made the digests of its secrets
	secrets   bool            // it has any
	container model.Container
	// networkIDs are the networks it is attached to, by name. The name of one
	// may by now belong to another network.
	networkIDs map[string]string
}

// known is the container when no call is needed for it, else nil.
func (e *Engine) known(s *container.Summary, p pass) *model.Container {
	if p.owner == "" || s.Labels[model.LabelOwner] != p.owner {
		return e.listed(s)
	}
	if kept, ok := e.containers.get(s.ID); ok && kept.signature == signature(s) && kept.readable(p) {
		return kept.report(s, p)
	}
	if e.working.on(s.Labels[model.LabelName]) {
		return e.unasked(s, p)
	}
	return nil
}

// readable says whether the digests of its secrets are those of this pass.
func (i *inspected) readable(p pass) bool { return !i.secrets || i.key == p.key }

// look inspects one container. One that has gone since it was listed comes
// back without id.
func (e *Engine) look(ctx context.Context, s *container.Summary, p pass) *model.Container {
	seen, err := e.containers.read(s.ID, func() (inspected, error) { return e.inspect(ctx, s, p) })
	switch {
	case errdefs.IsNotFound(err):
		return &model.Container{}
	case err != nil:
		e.containers.forget(s.ID)
		c := e.listed(s)
		_, cause := classify(err)
		c.InspectError = cause.Error()
		return c
	case seen.moved(e.listed(s)):
		e.containers.forget(s.ID)
	}
	return seen.report(s, p)
}

// moved says whether the container changed between the list and the inspect.
// Such an inspect is not kept: a list that shows the old state again would
// vouch for it.
func (i *inspected) moved(listed *model.Container) bool {
	return i.container.State != listed.State || i.container.Health != listed.Health || i.container.Name != listed.Name
}

// report is the container as of this pass: with the ports that the list shows,
// and without attachments to networks that exist no longer.
func (i *inspected) report(s *container.Summary, p pass) *model.Container {
	c := i.container
	if ports := heldPorts(s.Ports); len(ports) > 0 {
		c.Ports = ports
	}
	gone := func(a model.Attachment) bool {
		return i.networkIDs[a.Network] != "" && !p.networks[i.networkIDs[a.Network]]
	}
	if slices.ContainsFunc(c.Spec.Networks, gone) {
		spec := *c.Spec
		spec.Networks = slices.DeleteFunc(slices.Clone(spec.Networks), gone)
		c.Spec = &spec
	}
	return &c
}

func (e *Engine) inspect(ctx context.Context, s *container.Summary, p pass) (inspected, error) {
	raw, err := e.inspectContainer(ctx, s.ID)
	if err != nil {
		return inspected{}, err
	}
	image, err := e.imageOf(ctx, raw.Image)
	if err != nil {
		return inspected{}, err
	}
	h := hiddenIn(&raw, p.key)
	files, err := e.readFiles(ctx, &raw, h)
	if err != nil {
		return inspected{}, err
	}
	c := e.describe(&raw, image, p.info)
	c.Spec.Files = files
	h.hide(&c)
	return inspected{
		signature: signature(s), key: p.key, secrets: h.any(), container: c, networkIDs: networkIDs(&raw),
	}, nil
}

// inspectContainer asks for one container, within the deadline for that.
func (e *Engine) inspectContainer(ctx context.Context, ref string) (container.InspectResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, e.timeouts.Inspect)
	defer cancel()
	raw, err := e.api().ContainerInspect(ctx, ref)
	if err == nil && (raw.ContainerJSONBase == nil || raw.Config == nil || raw.HostConfig == nil || raw.State == nil) {
		err = errors.New("inspect answer without configuration")
	}
	return raw, err
}

// describe is a container in the words of the model.
func (e *Engine) describe(raw *container.InspectResponse, image *imageInfo, info hostInfo) model.Container {
	c := model.Container{
		Host: e.host.Name, ID: raw.ID, Name: strings.TrimPrefix(raw.Name, "/"),
		Owner:        ownerOf(raw, image),
		State:        model.State(raw.State.Status),
		ExitCode:     raw.State.ExitCode,
		OOMKilled:    raw.State.OOMKilled,
		Error:        clean(raw.State.Error),
		RestartCount: raw.RestartCount,
		CreatedAt:    info.controllerTime(raw.Created),
		StartedAt:    info.controllerTime(raw.State.StartedAt),
		FinishedAt:   info.controllerTime(raw.State.FinishedAt),
		EngineStart:  hostInfo{}.controllerTime(raw.State.StartedAt),
		Spec:         liveSpec(raw, info),
	}
	c.Wedged = !raw.State.Running && wedged(c.Error)
	if c.State == model.StateRunning && c.RestartCount > 0 && c.ExitCode == 0 {
		c.ExitCode = e.endings.code(raw.ID)
	}
	c.Ports = c.Spec.Ports
	c.Joined = raw.HostConfig.NetworkMode.ConnectedContainer()
	if c.Health, c.HealthOutput = healthOf(raw); c.State != model.StateRunning {
		c.Health = model.HealthNone
	}
	c.Unchecked = info.LiveRestore && e.probes.overdue(raw, time.Now())
	if image != nil {
		c.Image = &image.ImageDefaults
	}
	return c
}

// ownerOf is the ownership that the labels tell, unless they are the image's:
// a container of an image that was committed from one of ours has our labels
// too, and a name in them that is not its own.
func ownerOf(raw *container.InspectResponse, image *imageInfo) model.Ownership {
	own := model.OwnershipFrom(raw.Config.Labels)
	if image == nil || own.Name == strings.TrimPrefix(raw.Name, "/") {
		return own
	}
	if own.Name == image.labels[model.LabelName] {
		return model.Ownership{}
	}
	return own
}

// maxOutput bounds what is kept of a health check's output.
const maxOutput = 1024

func healthOf(raw *container.InspectResponse) (health model.Health, output string) {
	state := raw.State
	if state.Health == nil || state.Health.Status == container.NoHealthcheck {
		return model.HealthNone, ""
	}
	if state.Health.Status == container.Unhealthy && !failed(raw) {
		return lastKnown(state.Health.Log), ""
	}
	for _, result := range state.Health.Log {
		if result.ExitCode != 0 {
			output = result.Output
		}
	}
	output = strings.ToValidUTF8(output[:min(len(output), maxOutput)], "")
	return model.Health(state.Health.Status), strings.TrimSpace(output)
}

// failed says whether so many probes in a row have failed that the container counts
// as unhealthy. An engine calls it that as well from the moment in which it stops
// checking, as for a pause, until the first probe after that.
func failed(raw *container.InspectResponse) bool {
	retries := defaultRetries
	if check := raw.Config.Healthcheck; check != nil {
		retries = cmp.Or(check.Retries, defaultRetries)
	}
	return raw.State.Health.FailingStreak >= retries
}

// lastKnown is the health that the last probe found.
func lastKnown(log []*container.HealthcheckResult) model.Health {
	if n := len(log); n > 0 && log[n-1] != nil && log[n-1].ExitCode == 0 {
		return model.HealthHealthy
	}
	return model.HealthStarting
}

// controllerTime reads one of the engine's times; its "never" is the zero
// time.
func (i hostInfo) controllerTime(stamp string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, stamp)
	if err != nil || t.Year() <= 1 {
		return time.Time{}
	}
	return t.Add(-i.skew)
}
