package reconcile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/proposal"
)

// files are a tree's, by their names.
type files map[string]string

// with are the files with others in their place; "" takes one away.
func (f files) with(changes files) files {
	out := maps.Clone(f)
	for name, content := range changes {
		if out[name] = content; content == "" {
			delete(out, name)
		}
	}
	return out
}

// proposing is what is there when something is proposed: by itself no host
// answers.
type proposing struct {
	view       View
	registries Registries
	secrets    Secrets
	message    string // of the head
	recorded   func(app, ref string) RecordedImage
}

func (p proposing) of(t *testing.T, base, merged files) (proposal.Proposal, error) {
	t.Helper()
	loader := manifest.NewLoader(manifest.Options{})
	tree := func(f files) fs.FS { return tree(f) }
	ground, err := ReadGround(context.Background(), tree(base), loader, BuildOptions{Commit: commitOf(0), Owner: owner, Registries: p.registries, Secrets: p.secrets, Recorded: p.recorded})
	if err != nil {
		t.Fatal(err)
	}
	head := commitOf(1)
	head.Message = p.message
	beside, err := ground.Beside(context.Background(), tree(merged), loader, BuildOptions{Commit: head, Owner: owner})
	if err != nil {
		return proposal.Proposal{}, err
	}
	if p.view.Live == nil {
		p.view = View{Live: &model.Live{}, Now: time.Unix(1_800_000_000, 0), Known: func(string) bool { return false }}
	}
	return Propose(p.view, Proposed{Base: ground, Merged: beside, BaseName: "main", MergedName: "topic", Asked: ground.Desired().Images(), Machine: model.HostInfo{NanoCPUs: 4e9, Memory: 8 << 30, Arch: "amd64", OS: "linux"}}), nil
}

func (p proposing) must(t *testing.T, base, merged files) proposal.Proposal {
	t.Helper()
	got, err := p.of(t, base, merged)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// told is a proposal in short: its counts, its changes, and its warnings.
func told(p proposal.Proposal) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%+v\n", p.Counts)
	for _, a := range p.Apps {
		for _, c := range a.Effects {
			fmt.Fprintf(&b, "%s %s on %s: %s\n", c.Verdict, c.Key, c.Host, strings.Join(c.Reasons, "; "))
		}
	}
	for _, w := range p.Warnings {
		fmt.Fprintf(&b, "%s %s/%s: %s %v\n", w.Kind, w.App, w.Thing, w.Text, w.Fields)
	}
	return b.String()
}

const appShop = "apiVersion: tallyman/v1\nkind: App\nmetadata: {name: shop}\nspec: {}\n"

func shopFiles() files {
	return files{"hosts.yaml": hostManifests(2), "shop/app.yaml": appShop, "shop/web.yaml": serviceManifest("web", "web:1", 3)}
}

// TestProposals says of changes what they would do, without any host to ask.
func TestProposals(t *testing.T) {
	base := shopFiles()
	for name, c := range map[string]struct {
		changes files
		counts  proposal.Counts
		says    []string
	}{
		"nothing":         {files{"README.md": "words"}, proposal.Counts{}, nil},
		"another image":   {files{"shop/web.yaml": serviceManifest("web", "web:2", 3)}, proposal.Counts{Replace: 3}, []string{"replace shop/web-1 on host-1: image 1 → 2\n"}},
		"more":            {files{"shop/web.yaml": serviceManifest("web", "web:1", 5)}, proposal.Counts{Create: 2}, []string{"create shop/web-4 on host-2: missing\n"}},
		"fewer":           {files{"shop/web.yaml": serviceManifest("web", "web:1", 1)}, proposal.Counts{Remove: 3}, []string{"remove network shop-default-5aaa8884 on host-2 on host-2: no replica here needs it", "removal shop/web: 2 replicas go: there are to be fewer"}},
		"a limit":         {files{"shop/web.yaml": serviceManifest("web", "web:1", 3, "resources: {limits: {memory: 64MiB}}")}, proposal.Counts{Update: 3}, []string{"update shop/web-1 on host-1: resources.limits.memory: (none) → 64MiB"}},
		"a service's end": {files{"shop/web.yaml": "", "shop/api.yaml": serviceManifest("api", "web:1", 1)}, proposal.Counts{Create: 1, Remove: 4}, []string{"removal shop/web: 3 replicas go: the service is no longer in the manifests"}},
		"an app's end":    {files{"shop/web.yaml": "", "shop/app.yaml": "", "other.yaml": serviceManifest("api", "web:1", 1)}, proposal.Counts{Create: 2, Remove: 5}, []string{"removal shop/web: 3 replicas go: the app is no longer in the manifests"}},
		"a new app":       {files{"blog/app.yaml": strings.Replace(appShop, "shop", "blog", 1), "blog/site.yaml": serviceManifest("site", "web:1", 1)}, proposal.Counts{Create: 2}, []string{"create blog/site-1"}},
		"what fits nowhere": {files{"shop/big.yaml": serviceManifest("big", "web:1", 3, "resources: {reservations: {memory: 500GiB}}")}, proposal.Counts{Blocked: 3},
			[]string{"placement shop/big: 3 replicas: no host: 2 of 2 lack 500GiB (best: host-1 has 8GiB)"}},
		"what lets out": {files{"shop/web.yaml": serviceManifest("web", "web:1", 3, "privileged: true", "capAdd: [NET_ADMIN]", "devices: [{host: /dev/kvm, path: /dev/kvm}]", "mounts: [{bind: /srv, path: /a}, {bind: /etc, path: /b, readOnly: true}]", "networks: [host]")},
			proposal.Counts{Replace: 3, Remove: 2}, []string{"privileged shop/web: is privileged", "capability shop/web: gets the capability NET_ADMIN", "device shop/web: gets the host's device /dev/kvm (rwm)",
				"hostMount shop/web: reads and writes the host's /srv", "hostMount shop/web: reads the host's /etc", "hostNetwork shop/web: is on the host's own network"}},
		"what a job lets out": {files{"shop/job.yaml": "apiVersion: tallyman/v1\nkind: Job\nmetadata: {name: clean}\nspec: {image: \"web:1\", when: schedule, schedule: \"0 4 * * *\", privileged: true}\n"}, proposal.Counts{}, []string{"privileged shop/job clean: is privileged"}},
		"a migration":         {files{"shop/job.yaml": "apiVersion: tallyman/v1\nkind: Job\nmetadata: {name: migrate}\nspec: {image: \"web:1\", when: preDeploy}\n"}, proposal.Counts{Run: 1}, []string{"run shop/migrate-"}},
		"a new host":          {files{"hosts.yaml": hostManifests(3)}, proposal.Counts{}, []string{"hostAdded /host host-3: is new", "{spec.endpoint  tcp://host-3:2376}"}},
		"a host's end":        {files{"hosts.yaml": hostManifests(1)}, proposal.Counts{Replace: 1, Remove: 1}, []string{"hostRemoved /host host-2: goes", "moves from host \"host-2\""}},
		"another endpoint": {files{"hosts.yaml": strings.Replace(hostManifests(2), "tcp://host-2", "tcp://elsewhere", 1)}, proposal.Counts{},
			[]string{"hostChanged /host host-2: is dealt with otherwise [{spec.endpoint tcp://host-2:2376 tcp://elsewhere:2376}]"}},
		"another name":  {files{"hosts.yaml": strings.Replace(hostManifests(2), "name: host-2", "name: edge", 1)}, proposal.Counts{}, []string{"hostAdded /host edge", "hostRemoved /host host-2"}},
		"a drain":       {files{"hosts.yaml": strings.Replace(hostManifests(2), "endpoint: tcp://host-2", "drain: true, endpoint: tcp://host-2", 1)}, proposal.Counts{Replace: 1, Remove: 1}, []string{"hostChanged /host host-2", "{spec.drain  true}"}},
		"more removals": {files{"shop/app.yaml": strings.Replace(appShop, "{}", "{sync: {maxRemovals: 100}}", 1)}, proposal.Counts{}, []string{"settings shop/app shop: has other settings [{spec.sync.maxRemovals 10 100}]"}},
		"a fleet":       {files{"fleet.yaml": "apiVersion: tallyman/v1\nkind: Fleet\nmetadata: {name: fleet}\nspec: {lostAfter: 1h}\n"}, proposal.Counts{}, []string{"settings /fleet fleet: is new", "{spec.lostAfter  1h}"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := proposing{}.must(t, base, base.with(c.changes))
			got := told(p)
			for _, part := range c.says {
				if !strings.Contains(got, part) {
					t.Errorf("it does not say %q:\n%s", part, got)
				}
			}
			if p.Counts != c.counts || p.Empty() != (len(c.says) == 0) {
				t.Errorf("it is\n%s\nwant %+v", got, c.counts)
			}
			if !slices.Equal(p.Unknown, []string{"host-1", "host-2"}) || p.Drift.Known {
				t.Errorf("unknown are %q, drift %+v", p.Unknown, p.Drift)
			}
		})
	}
}

// TestProposedRemovalsWait: more than maxRemovals wait for a person, whatever the
// proposal says of that itself.
func TestProposedRemovalsWait(t *testing.T) {
	base := shopFiles().with(files{"shop/web.yaml": serviceManifest("web", "web:1", 12)})
	p := proposing{message: "Tidy up\n\n" + model.TrailerAllowRemovals + ": 12\n"}.must(t, base, base.with(files{"shop/web.yaml": serviceManifest("web", "web:1", 1)}))
	got := told(p)
	if p.Counts != (proposal.Counts{Held: 11}) || !strings.Contains(got, "held shop/web: 11 replicas go: there are to be fewer; held: this commit removes 11 replicas") ||
		!strings.Contains(got, "allowed /the commit: lets up to 12 removals through") {
		t.Errorf("it is\n%s", got)
	}
	protected := shopFiles().with(files{"shop/web.yaml": serviceManifest("web", "web:1", 2, "protect: true")})
	p = proposing{}.must(t, protected, protected.with(files{"shop/web.yaml": "", "shop/api.yaml": serviceManifest("api", "web:1", 1)}))
	if got := told(p); p.Counts.Held != 2 || !strings.Contains(got, `service "web" is protected`) {
		t.Errorf("of what is protected it is\n%s", got)
	}
	p = proposing{}.must(t, protected, shopFiles().with(files{"shop/web.yaml": serviceManifest("web", "web:1", 2)}))
	if got := told(p); !strings.Contains(got, "protection shop/web: is protected no longer") {
		t.Errorf("of a protection that goes it is\n%s", got)
	}
}

// TestWhatTheBaseCanNotHave is nothing that a proposal does, unless it changes it.
func TestWhatTheBaseCanNotHave(t *testing.T) {
	big := func(memory string) string {
		return serviceManifest("big", "web:1", 1, "resources: {reservations: {memory: "+memory+"}}")
	}
	base := shopFiles().with(files{"shop/big.yaml": big("500GiB")})
	p := proposing{}.must(t, base, base.with(files{"shop/web.yaml": serviceManifest("web", "web:1", 4, "resources: {reservations: {memory: 1GiB}}")}))
	if got := told(p); strings.Contains(got, "big") || p.Counts.Create != 1 {
		t.Errorf("of another service's change it is\n%s", got)
	}
	p = proposing{}.must(t, base, base.with(files{"shop/big.yaml": big("600GiB")}))
	if got := told(p); !strings.Contains(got, "placement shop/big-1: no host: 2 of 2 lack 600GiB") {
		t.Errorf("of one that asks for still more it is\n%s", got)
	}
	p = proposing{}.must(t, base, base.with(files{"shop/big.yaml": big("5GiB")}))
	if p.Counts != (proposal.Counts{Create: 1}) {
		t.Errorf("of one that can be had now it is\n%s", told(p))
	}
}

// TestBoundlessProposals: a stranger may write any number.
func TestBoundlessProposals(t *testing.T) {
	all := files{}
	for i := range 30 {
		all[fmt.Sprintf("shop/s%d.yaml", i)] = serviceManifest(fmt.Sprintf("s%d", i), "web:1", 10_000)
	}
	_, err := proposing{}.of(t, shopFiles(), shopFiles().with(all))
	if err == nil || err.Error() != "plan the proposal: 300003 replicas on 2 hosts are too many to be looked at before somebody has agreed to them; propose them in several steps" {
		t.Errorf("it is planned: %v", err)
	}
	if _, err = (proposing{}).of(t, shopFiles(), shopFiles().with(files{"hosts.yaml": hostManifests(9000), "shop/web.yaml": serviceManifest("web", "web:1", 10_000), "shop/api.yaml": serviceManifest("api", "web:1", 2_000)})); err == nil {
		t.Error("so many hosts are planned for")
	}
}

// TestFirstProposal: where nothing is there yet, everything is new.
func TestFirstProposal(t *testing.T) {
	for name, base := range map[string]files{"no manifests": {"README.md": "words"}, "no folder": nil} {
		t.Run(name, func(t *testing.T) {
			loader := manifest.NewLoader(manifest.Options{})
			var was fs.FS
			if base != nil {
				was = tree(base)
			}
			ground, err := ReadGround(context.Background(), was, loader, BuildOptions{Commit: commitOf(0), Owner: owner})
			if err != nil {
				t.Fatal(err)
			}
			beside, err := ground.Beside(context.Background(), tree(shopFiles()), loader, BuildOptions{Commit: commitOf(1), Owner: owner})
			if err != nil {
				t.Fatal(err)
			}
			p := Propose(View{Live: &model.Live{}, Now: time.Unix(1_800_000_000, 0), Known: func(string) bool { return false }}, Proposed{Base: ground, Merged: beside})
			if p.Counts.Create != 5 { // 3 replicas, and a network on each host
				t.Errorf("it is\n%s", told(p))
			}
		})
	}
	if _, err := (proposing{}).of(t, shopFiles(), files{"README.md": "words"}); !errors.Is(err, manifest.ErrNoManifests) {
		t.Errorf("a proposal without manifests: %v", err)
	}
}
