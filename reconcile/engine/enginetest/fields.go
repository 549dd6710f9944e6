package enginetest

import (
	"encoding/json"
	"maps"
	"reflect"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

func fields() []promise {
	all := []promise{
		{"field round trip: nothing asked for", func(s *suite) { s.roundTrip(s.spec()) }},
		{"field round trip: networks", func(s *suite) {
			front, back := s.network("front"), s.network("back")
			s.do(front)
			s.do(back)
			spec := s.spec()
			spec.Networks = []model.Attachment{
				{Network: back.Network.HostName},
				{Network: front.Network.HostName, Aliases: []string{"api", "web"}},
			}
			s.roundTrip(spec)
		}},
		{"field round trip: volume", func(s *suite) {
			volume := s.volume("data")
			s.do(volume)
			spec := s.spec()
			spec.Mounts = []model.Mount{
				{Kind: model.MountVolume, Source: volume.Volume.HostName, Target: "/data"},
				{Kind: model.MountVolume, Source: volume.Volume.HostName, Target: "/look", ReadOnly: true},
			}
			s.roundTrip(spec)
		}},
	}
	for _, f := range fieldTable() {
		all = append(all, promise{"field round trip: " + f.name, func(s *suite) {
			spec := s.spec()
			f.set(&spec)
			s.roundTrip(spec)
		}})
	}
	return all
}

type field struct {
	name string
	set  func(*model.ContainerSpec)
}

func fieldTable() []field {
	return []field{
		{"entrypoint alone", func(c *model.ContainerSpec) { c.Entrypoint = []string{"/server", "serve"} }},
		{"command alone", func(c *model.ContainerSpec) { c.Command = []string{"health"} }},
		{"entrypoint and command", func(c *model.ContainerSpec) { c.Entrypoint, c.Command = []string{"/server"}, []string{"serve", "a b"} }},
		{"environment", func(c *model.ContainerSpec) {
			c.Env = map[string]string{"MESSAGE": "over the image's", "NEW": "a=b c", "EMPTY": ""}
		}},
		{"user", func(c *model.ContainerSpec) { c.User = "1000:1000" }},
		{"working directory", func(c *model.ContainerSpec) { c.WorkingDir = "/srv" }},
		{"hostname", func(c *model.ContainerSpec) { c.Hostname = "web-1" }},
		{"labels", func(c *model.ContainerSpec) { c.Labels = map[string]string{"team": "web", "empty": ""} }},
		{"bind", func(c *model.ContainerSpec) {
			c.Mounts = []model.Mount{{Kind: model.MountBind, Source: "/tmp", Target: "/host", ReadOnly: true}}
		}},
		{"tmpfs", func(c *model.ContainerSpec) {
			c.Mounts = []model.Mount{{Kind: model.MountTmpfs, Target: "/scratch", Size: 16 << 20}, {Kind: model.MountTmpfs, Target: "/tmp"}}
		}},
		{"ports", func(c *model.ContainerSpec) {
			c.Ports = []model.Port{
				{Container: 53, Published: 15353, Protocol: "udp"}, {Container: 8080, Published: 18080, Protocol: "tcp", HostIP: "127.0.0.1"},
				{Container: 9090, Protocol: "tcp"},
			}
		}},
		{"health check", func(c *model.ContainerSpec) {
			c.HealthCheck = &model.HealthCheck{Test: []string{"CMD", "/server", "health"}, Interval: 7 * time.Second,
				Timeout: 3 * time.Second, StartPeriod: time.Second, Retries: 5}
		}},
		{"health check with defaults", func(c *model.ContainerSpec) {
			c.HealthCheck = &model.HealthCheck{Test: []string{"CMD", "/server", "health"}}
		}},
		{"no health check", func(c *model.ContainerSpec) { c.HealthCheck = &model.HealthCheck{Test: []string{"NONE"}} }},
		{"stop signal and grace", func(c *model.ContainerSpec) { c.StopSignal, c.StopGrace = "SIGINT", 7*time.Second }},
		{"init", func(c *model.ContainerSpec) { c.Init = true }},
		{"read-only root", func(c *model.ContainerSpec) { c.ReadOnly = true }},
		{"privileged", func(c *model.ContainerSpec) { c.Privileged = true }},
		{"capabilities", func(c *model.ContainerSpec) {
			c.CapAdd, c.CapDrop = []string{"NET_ADMIN", "SYS_TIME"}, []string{"CHOWN"}
		}},
		{"devices", func(c *model.ContainerSpec) {
			c.Devices = []model.Device{{Host: "/dev/zero", Container: "/dev/nought", Permissions: "r"}}
		}},
		{"sysctls", func(c *model.ContainerSpec) { c.Sysctls = map[string]string{"net.core.somaxconn": "1024"} }},
		{"ulimits", func(c *model.ContainerSpec) { c.Ulimits = []model.Ulimit{{Name: "nofile", Soft: 1024, Hard: 2048}} }},
		{"extra hosts", func(c *model.ContainerSpec) {
			c.ExtraHosts = []model.ExtraHost{{Name: "db", IP: "10.0.0.9"}, {Name: "six", IP: "fd00::9"}}
		}},
		{"DNS", func(c *model.ContainerSpec) {
			c.DNS = model.DNS{Servers: []string{"10.0.0.53"}, Search: []string{"example.test"}, Options: []string{"ndots:2"}}
		}},
		{"shared memory", func(c *model.ContainerSpec) { c.ShmSize = 32 << 20 }},
		{"logging", func(c *model.ContainerSpec) {
			c.Logging = model.Logging{Driver: "json-file", Options: map[string]string{"max-file": "3", "max-size": "1m"}}
		}},
		{"limits", func(c *model.ContainerSpec) {
			c.Adjustable = model.Adjustable{NanoCPUs: 5e8, Memory: 64 << 20, MemoryReservation: 32 << 20, Pids: 100}
		}},
		{"restart always", func(c *model.ContainerSpec) { c.Adjustable.Restart.Name = "always" }},
		{"restart on failure", func(c *model.ContainerSpec) { c.Adjustable.Restart = model.Restart{Name: "on-failure", MaxRetries: 3} }},
		{"restart unless stopped", func(c *model.ContainerSpec) { c.Adjustable.Restart.Name = "unless-stopped" }},
	}
}

// roundTrip creates a container and wants what it was asked for reported back,
// laid over what the image gives, and nothing else.
func (s *suite) roundTrip(spec model.ContainerSpec) {
	s.Helper()
	c := s.see(s.create(spec))
	want, got := effective(spec, *c.Image), *c.Spec
	if len(want.Networks) == 0 {
		got.Networks = nil // the engine's default network, by whatever name
	}
	want.ImageID = got.ImageID
	if spec.ShmSize == 0 {
		got.ShmSize = 0 // the engine's default
	}
	if spec.Logging.Driver == "" {
		got.Logging = want.Logging
	}
	if got.ImageID != c.Image.ID || got.ImageID == "" {
		s.Errorf("image id %q, of the defaults %q", got.ImageID, c.Image.ID)
	}
	compare(s, want, got)
}

// compare goes field by field, for a message that can be read.
func compare(s *suite, want, got model.ContainerSpec) {
	s.Helper()
	w, g := reflect.ValueOf(want), reflect.ValueOf(got)
	for i := range w.NumField() {
		a, b := asJSON(w.Field(i).Interface()), asJSON(g.Field(i).Interface())
		if a != b {
			s.Errorf("%s: asked for %s, the container has %s", w.Type().Field(i).Name, a, b)
		}
	}
}

func asJSON(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	if text := string(data); text != "[]" && text != "{}" {
		return text
	}
	return "null" // empty and absent are the same
}

// effective is spec laid over an image's defaults.
func effective(spec model.ContainerSpec, image model.ImageDefaults) model.ContainerSpec {
	if spec.Entrypoint == nil {
		spec.Entrypoint = image.Entrypoint
		if spec.Command == nil { // an entrypoint of one's own goes without the image's command
			spec.Command = image.Command
		}
	}
	spec.Env, spec.Labels = over(spec.Env, image.Env), over(spec.Labels, image.Labels)
	spec.User, spec.WorkingDir = either(spec.User, image.User), either(spec.WorkingDir, image.WorkingDir)
	spec.StopSignal = either(spec.StopSignal, image.StopSignal)
	if spec.HealthCheck == nil {
		spec.HealthCheck = image.HealthCheck
	}
	if spec.HealthCheck != nil && !spec.HealthCheck.Enabled() {
		spec.HealthCheck = &model.HealthCheck{Test: []string{"NONE"}}
	}
	return spec
}

func over(own, image map[string]string) map[string]string {
	merged := maps.Clone(image)
	if merged == nil {
		merged = map[string]string{}
	}
	maps.Copy(merged, own)
	return merged
}

func either(own, image string) string {
	if own != "" {
		return own
	}
	return image
}
