package place

import (
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"pgregory.net/rapid"
)

// drawRacks makes a fleet with more hosts than drawWorld's, in zones and racks, some
// of which have images, and services that have mostly the same rules.
func drawRacks(t *rapid.T) Input {
	in := Input{Owner: "me"}
	for i := range rapid.IntRange(1, 24).Draw(t, "hosts") {
		h := drawHost(t, fmt.Sprintf("h%02d", i))
		h.Labels["rack"] = rapid.SampledFrom([]string{"1", "2", "3"}).Draw(t, "rack")
		in.Hosts = append(in.Hosts, h)
		state := model.HostState{Name: h.Name, Reachable: true, Known: true, Info: model.HostInfo{Memory: rapid.Int64Range(1, 4).Draw(t, "memory")}}
		if rapid.Bool().Draw(t, "has the image") {
			state.Images = map[string]string{"web:1": "sha256:1"}
		}
		in.Live.Hosts = append(in.Live.Hosts, state)
	}
	for i := range rapid.IntRange(1, 5).Draw(t, "services") {
		s := drawService(t, "s"+strconv.Itoa(i))
		s.Mode, s.Replicas = model.ModeReplicated, rapid.IntRange(1, 12).Draw(t, "replicas")
		s.Container.Image = rapid.SampledFrom([]string{"web:1", "web:2"}).Draw(t, "image")
		if rapid.Bool().Draw(t, "racks") {
			s.Placement.Spread = []string{"host.labels.zone", "host.labels.rack"}
		}
		if i > 0 && rapid.IntRange(0, 3).Draw(t, "alike") > 0 {
			s.Placement = in.Services[0].Placement
		}
		in.Services = append(in.Services, s)
		if rapid.Bool().Draw(t, "failed") {
			in.Failures = append(in.Failures, Failure{App: s.App, Service: s.Name, Fingerprint: s.Fingerprint, Host: "h00", Count: 1})
		}
	}
	return in
}

// Whatever is placed and taken away, in whichever order of the services: what is
// kept from one replica to the next says the same as a look at all hosts.
func TestWhatIsKeptAgreesWithALookAtAllHosts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawRacks(t)
		p := newPlacer(in)
		p.maxKept = rapid.SampledFrom([]int{50, maxKept}).Draw(t, "kept")
		p.pinAll(in)
		for range rapid.IntRange(1, 40).Draw(t, "turns") {
			s := &p.services[rapid.IntRange(0, len(p.services)-1).Draw(t, "service")]
			p.take(s)
			for range rapid.IntRange(1, 6).Draw(t, "steps") {
				step(t, p, s)
			}
		}
	})
}

// step gives a slot of the service in hand the best host, or takes one away.
func step(t *rapid.T, p *placer, s *service) {
	n := rapid.IntRange(0, len(s.slots)-1).Draw(t, "slot")
	best := p.best(s)
	if want := bestOfAll(p, s); best != want {
		t.Fatalf("%s: the best host is %d, not %d", s.Name, want, best)
	}
	if got, want := p.offersTo(s).best(), cheapestOfAll(p, s); p.offers.costs[got] != (cost{}) && got != want || p.offers.costs[got] == (cost{}) && want != nobody {
		t.Fatalf("%s: room is made at least cost on %d, not %d", s.Name, want, got)
	}
	if p.skew != nil && p.skew.least != leastOfAll(p, s) {
		t.Fatalf("%s: the emptiest domain has %d replicas, not %d", s.Name, leastOfAll(p, s), p.skew.least)
	}
	for h := range p.hosts {
		if !slices.IsSortedFunc(p.lowest(&p.hosts[h]), p.lowestFirst) {
			t.Fatalf("who goes first from %d: %v", h, p.hosts[h].residents)
		}
	}
	switch {
	case s.slots[n].host != nowhere:
		p.release(s, n)
	case best != nowhere:
		p.assign(s, n, best, nil)
	}
}

func bestOfAll(p *placer, s *service) int {
	p.keepsCompany(s)
	best, least := nowhere, []int32(nil)
	for h := range p.hosts {
		if rating := ratingOf(p, s, h); p.judge(s, h) == passed && (best == nowhere || slices.Compare(rating, least) < 0) {
			best, least = h, rating
		}
	}
	return best
}

// ratingOf is what decides: replicas in each of the host's failure domains, then the
// score, with whether the host lacks the image.
func ratingOf(p *placer, s *service, h int) []int32 {
	var rating []int32
	for i := range s.Placement.Spread {
		n := int32(0)
		for _, t := range s.slots {
			if t.host != nowhere && !slices.ContainsFunc(s.Placement.Spread[:i+1], func(a string) bool { return valueOf(p, a, h) != valueOf(p, a, t.host) }) {
				n++
			}
		}
		rating = append(rating, n)
	}
	score := p.scoreOf(s, h)
	score[6] = 0
	if p.hosts[h].images[s.Container.Image] == "" {
		score[6] = 1
	}
	return append(rating, score[:]...)
}

func valueOf(p *placer, attribute string, h int) string {
	value, _ := attributeOf(&p.hosts[h], attribute)
	return value
}

func cheapestOfAll(p *placer, s *service) int32 {
	best, least := int32(nobody), cost{}
	for h := range p.hosts {
		c := p.costOf(s, h)
		if c != (cost{}) && (best == nobody || c.replicas < least.replicas || c.replicas == least.replicas && c.highest < least.highest) {
			best, least = int32(h), c
		}
	}
	return best
}

func leastOfAll(p *placer, s *service) int {
	counts := map[string]int{}
	for h := range p.hosts {
		if p.lastingOf(view{service: s, host: &p.hosts[h], index: h}) == passed {
			counts[valueOf(p, s.Placement.Spread[0], h)] = 0
		}
	}
	for _, t := range s.slots {
		if t.host == nowhere {
			continue
		}
		if _, open := counts[valueOf(p, s.Placement.Spread[0], t.host)]; open {
			counts[valueOf(p, s.Placement.Spread[0], t.host)]++
		}
	}
	least := -1
	for _, n := range counts {
		if least < 0 || n < least {
			least = n
		}
	}
	return max(least, 0)
}

// Entrants that change alone, or side by side and alike, as a failure domain does.
func TestTheBestWinsTheKnockout(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		strength := rapid.SliceOfN(rapid.IntRange(0, 9), 1, 40).Draw(t, "strength")
		entrants := rapid.Permutation(numbers(len(strength))).Draw(t, "places")
		before := func(a, b int32) bool {
			return strength[a] > strength[b] || strength[a] == strength[b] && a < b
		}
		k := newKnockout(entrants, before)
		k.playAll()
		for range 10 {
			first := rapid.IntRange(0, len(strength)-1).Draw(t, "first")
			last := rapid.IntRange(first, len(strength)-1).Draw(t, "last")
			by := rapid.IntRange(-9, 9).Draw(t, "by")
			for _, e := range entrants[first : last+1] {
				strength[e] += by
			}
			k.replay(int32(first), int32(last))
			want := numbers(len(strength))[0]
			for _, e := range numbers(len(strength)) {
				if before(e, want) {
					want = e
				}
			}
			if k.best() != want {
				t.Fatalf("%d wins, of strength %d; %d has %d", k.best(), strength[k.best()], want, strength[want])
			}
		}
	})
}

func numbers(n int) []int32 {
	all := make([]int32, n)
	for i := range all {
		all[i] = int32(i)
	}
	return all
}

// Where most hosts have the image, the few that lack it are the worse ones.
func TestOfEqualHostsNotTheOneThatLacksTheImage(t *testing.T) {
	hosts, live := fleet("a", "b", "c")
	s := web(3)
	s.Container.Image = "web:1"
	for _, i := range []int{1, 2} {
		live.Hosts[i].Images = map[string]string{"web:1": "sha256:1"}
	}
	expect(t, run(hosts, live, s), "web-1@b web-2@c web-3@a")
}
