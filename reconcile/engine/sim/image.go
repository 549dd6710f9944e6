package sim

import (
	"maps"
	"reflect"
	"strings"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// Image is an image that hosts can have or pull.
type Image struct {
	Ref      string
	Defaults model.ImageDefaults // Defaults.ID is the image's id
	// Needs is what a pull secret has to hold before the registry tells of the
	// image or gives it out; "" is a public one.
	Needs string
	// Platforms are what it is made for; nil is anything.
	Platforms []string
	// Pull is how long pulling it takes.
	Pull time.Duration
	// Behaviour says how a container of the image behaves. Nil is a program
	// that starts at once, is healthy at once, and runs until it is stopped; one
	// that is to run to its end, a job's, ends well after a second.
	Behaviour func(model.ContainerSpec) Behaviour
}

// TestImage imitates the image of the test server, which its containers'
// environment tells how to behave. Its id depends on the reference only.
func TestImage(ref string) *Image {
	version := "latest"
	if i := strings.LastIndexByte(ref, ':'); i > strings.LastIndexByte(ref, '/') {
		version = ref[i+1:]
	}
	return &Image{Ref: ref, Behaviour: ServerBehaviour, Defaults: model.ImageDefaults{
		ID:         "sha256:" + model.Hash(ref),
		Entrypoint: []string{"/server"},
		Command:    []string{"serve"},
		Env:        map[string]string{"MESSAGE": "hello from version " + version},
		Labels:     map[string]string{"org.opencontainers.image.version": version},
	}}
}

// effective is what a container of the image is really made with, in the
// normal form that the port reports: the spec laid over the image's and the
// engine's defaults.
func (i *Image) effective(spec model.ContainerSpec, logDriver string) *model.ContainerSpec {
	spec.ImageID = i.Defaults.ID
	spec.Files = nil // they are there when they have been copied
	i.giveProcess(&spec)
	spec.Env = over(spec.Env, i.Defaults.Env)
	if len(spec.SecretEnv) > 0 {
		spec.Env = maps.Clone(spec.Env)
		maps.DeleteFunc(spec.Env, func(name, _ string) bool { return spec.SecretEnv[name] != model.SecretRef{} })
	}
	spec.Labels = over(spec.Labels, i.Defaults.Labels)
	if spec.HealthCheck == nil {
		spec.HealthCheck = i.Defaults.HealthCheck
	}
	spec.Logging.Driver = either(spec.Logging.Driver, logDriver)
	if spec.ShmSize == 0 {
		spec.ShmSize = defaultShm
	}
	spec.Adjustable = normal(spec.Adjustable)
	return &spec
}

const defaultShm = 64 << 20

func (i *Image) giveProcess(spec *model.ContainerSpec) {
	if len(spec.Entrypoint) == 0 {
		spec.Entrypoint = i.Defaults.Entrypoint
		if len(spec.Command) == 0 { // an entrypoint of one's own goes without the image's command
			spec.Command = i.Defaults.Command
		}
	}
	spec.User = either(spec.User, i.Defaults.User)
	spec.WorkingDir = either(spec.WorkingDir, i.Defaults.WorkingDir)
	spec.StopSignal = either(spec.StopSignal, i.Defaults.StopSignal)
}

// normal: no restart policy and the policy "no" are the same.
func normal(a model.Adjustable) model.Adjustable {
	if a.Restart.Name == "no" {
		a.Restart.Name = ""
	}
	return a
}

func over(own, image map[string]string) map[string]string {
	if len(image) == 0 {
		return own
	}
	merged := maps.Clone(image)
	maps.Copy(merged, own)
	return merged
}

func either(own, image string) string {
	if own != "" {
		return own
	}
	return image
}

// specKey is what the effective specs of most containers that share one have
// in common. It is only a hint: two specs may have the same.
type specKey struct {
	image, fingerprint string
	adjustable         model.Adjustable
}

type sharedSpec struct {
	asked model.ContainerSpec
	live  *model.ContainerSpec
}

// live is the effective spec of a new container. The replicas of one service
// share theirs, or 100,000 of them would not fit.
func (h *Host) live(i *Image, op model.CreateContainer) *model.ContainerSpec {
	key := specKey{i.Defaults.ID, op.Owner.Fingerprint, op.Spec.Adjustable}
	if s, ok := h.world.specs[key]; ok && reflect.DeepEqual(s.asked, op.Spec) {
		return s.live
	}
	s := sharedSpec{op.Spec, i.effective(op.Spec, h.info.LogDriver)}
	h.world.specs[key] = s
	return s.live
}
