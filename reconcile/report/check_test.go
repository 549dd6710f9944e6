package report

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// flawless is a host that nothing is to be said of.
func flawless() *Examined {
	return &Examined{
		Host: model.Host{Name: "edge-1", Endpoint: "ssh://deploy@10.0.0.11"},
		Info: model.HostInfo{
			Version: "27.3.1", APIVersion: "1.47", OS: "linux", Arch: "amd64", NanoCPUs: 4e9, Memory: 8 << 30,
			OSName: "Debian GNU/Linux 12 (bookworm)", Kernel: "6.1.0-26-amd64", StorageDriver: "overlay2", DataRoot: "/var/lib/docker",
			CgroupVersion: "2", CgroupDriver: "systemd", LiveRestore: true, ClockSkew: 12 * time.Millisecond,
		},
		Disk: model.DiskUsage{Images: 3 << 30, UnusedImages: 1 << 30, Volumes: 2 << 30},
	}
}

func TestFlawlessHostIsFine(t *testing.T) {
	c := CheckHost(flawless())
	if !c.OK || len(c.Findings) != 0 {
		t.Errorf("%+v", c)
	}
	var out bytes.Buffer
	if err := ChecksText(&out, []HostCheck{c}, Style{}); err != nil {
		t.Fatal(err)
	}
	const want = `host edge-1 is fine
  endpoint  ssh://deploy@10.0.0.11
  engine    27.3.1, API 1.47
  system    Debian GNU/Linux 12 (bookworm), 6.1.0-26-amd64, amd64, 4 CPUs, 8GiB
  cgroups   v2, by systemd
  storage   overlay2 in /var/lib/docker
  on disk   images 3GiB, of which unused 1GiB, volumes 2GiB
  clock     right
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &out, want)
	}
}

// Each flaw is found, alone, and told with what to do.
func TestFlawsOfHosts(t *testing.T) {
	for name, c := range map[string]struct {
		flaw  func(*Examined)
		level Level
		about string
		says  string
	}{
		"out of reach":        {func(e *Examined) { e.Error = "nothing listens at 10.0.0.11:22" }, Wrong, "engine", "nothing listens"},
		"windows":             {func(e *Examined) { e.Info.OS = "windows" }, Wrong, "system", "windows containers"},
		"podman":              {func(e *Examined) { e.Info.Product = "Podman Engine" }, Wrong, "engine", "no Docker but Podman"},
		"tcp without tls":     {func(e *Examined) { e.Host.Endpoint = "tcp://10.0.0.11:2375" }, Warning, "endpoint", "root on the host"},
		"no cgroups":          {func(e *Examined) { e.Info.CgroupDriver, e.Info.Lacks = "none", []string{"memory", "cpus"} }, Warning, "cgroups", "no limit has an effect"},
		"no memory limit":     {func(e *Examined) { e.Info.Lacks = []string{"memory", "swap"} }, Warning, "limits", "can't limit memory"},
		"no swap limit":       {func(e *Examined) { e.Info.Lacks = []string{"swap"} }, Warning, "limits", "swapaccount=1"},
		"copies all":          {func(e *Examined) { e.Info.StorageDriver = "vfs" }, Warning, "storage", "overlay2"},
		"a driver of old":     {func(e *Examined) { e.Info.StorageDriver = "devicemapper" }, Warning, "storage", "overlay2"},
		"full of images":      {func(e *Examined) { e.Disk.UnusedImages = 20 << 30 }, Warning, "storage", "20GiB"},
		"disk not measured":   {func(e *Examined) { e.DiskError = "measure disk usage: no answer" }, Warning, "storage", "no answer"},
		"clock a bit off":     {func(e *Examined) { e.Info.ClockSkew = -3 * time.Second }, Warning, "clock", "3s behind"},
		"clock far off":       {func(e *Examined) { e.Info.ClockSkew = time.Hour }, Wrong, "clock", "1h0m0s ahead"},
		"no live-restore":     {func(e *Examined) { e.Info.LiveRestore = false }, Warning, "restarts", "daemon.json"},
		"the engine's own":    {func(e *Examined) { e.Info.Warnings = []string{"bridge-nf-call-iptables is disabled"} }, Warning, "engine", "bridge-nf"},
		"no pids, but memory": {func(e *Examined) { e.Info.Lacks = []string{"pids"} }, Warning, "limits", "pids"},
	} {
		e := flawless()
		c.flaw(e)
		got := CheckHost(e)
		if len(got.Findings) != 1 || got.OK != (c.level == Warning) {
			t.Errorf("%s: ok %v, %+v", name, got.OK, got.Findings)
			continue
		}
		f := got.Findings[0]
		if f.Level != c.level || f.About != c.about || !strings.Contains(f.Text+f.Do, c.says) {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

func TestLoopbackWithoutTLSIsNoFlaw(t *testing.T) {
	e := flawless()
	e.Host.Endpoint = "tcp://127.0.0.1:2375"
	if c := CheckHost(e); len(c.Findings) != 0 {
		t.Errorf("%+v", c.Findings)
	}
}
