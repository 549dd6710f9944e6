package simulated

import (
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"strings"

	"github.com/tallyman-io/tallyman/internal/suggest"
	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/whatif"
)

// Spec describes hosts that there are not, as in
// hosts=3,cpus=8,memory=32GiB,labels=zone=a.
type Spec struct {
	name   string
	hosts  int // 0 when it does not say
	zones  int
	info   model.HostInfo
	labels map[string]string
}

// keys are what a Spec is made of.
func keys() []string { return []string{"hosts", "name", "cpus", "memory", "labels", "zones"} }

var (
	sizeText = regexp.MustCompile(`^[0-9]{1,15}([KMGT]iB|[kMGT]?B)?$`)
	cpusText = regexp.MustCompile(`^[0-9]{1,6}(\.[0-9]{1,9})?$`)
)

// Parse reads what a flag says of hosts.
func Parse(text string) (Spec, error) {
	s := Spec{labels: map[string]string{}}
	said := map[string]bool{}
	for _, part := range strings.Split(text, ",") {
		key, value, found := strings.Cut(part, "=")
		if !found || value == "" {
			return s, fmt.Errorf("%q: write KEY=VALUE with commas between, as in hosts=3,cpus=8,memory=32GiB,labels=zone=a", part)
		}
		if said[key] && key != "labels" && key != "label" {
			return s, fmt.Errorf("%s=%s: %s is there twice", key, value, key)
		}
		said[key] = true
		if err := s.set(key, value); err != nil {
			return s, err
		}
	}
	return s, nil
}

func (s *Spec) set(key, value string) (err error) {
	switch key {
	case "hosts":
		s.hosts, err = number(key, value)
	case "zones":
		s.zones, err = number(key, value)
	case "name":
		s.name = value
	case "cpus":
		var n manifest.CPUs
		if !cpusText.MatchString(value) || n.UnmarshalText([]byte(value)) != nil || n <= 0 {
			return fmt.Errorf("cpus=%s: must be a number of CPUs above 0 and below 1000000, such as 8 or 0.5", value)
		}
		s.info.NanoCPUs = int64(n)
	case "memory":
		var n manifest.Size
		if !sizeText.MatchString(value) || n.UnmarshalText([]byte(value)) != nil || n <= 0 {
			return fmt.Errorf("memory=%s: must be a size above 0, such as 32GiB", value)
		}
		s.info.Memory = int64(n)
	case "labels", "label":
		label, content, found := strings.Cut(value, "=")
		if !found || label == "" {
			return fmt.Errorf("labels=%s: write labels=KEY=VALUE, once for each", value)
		}
		s.labels[label] = content
	default:
		return fmt.Errorf("%q: there are %s%s", key, strings.Join(keys(), ", "), suggest.DidYouMean(key, keys()))
	}
	return err
}

// maxHosts is more than one process can play.
const maxHosts = 100_000

func number(key, value string) (int, error) {
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > maxHosts {
		return 0, fmt.Errorf("%s=%s: must be a number from 1 to %d", key, value, maxHosts)
	}
	return n, nil
}

// Hosts are as many hosts as the spec says, named after prefix and counted from
// first on, unless it has a name for them.
func (s *Spec) Hosts(prefix string, first int) []model.Host {
	hosts := make([]model.Host, s.hosts)
	for i := range hosts {
		name := fmt.Sprintf("%s-%d", prefix, first+i)
		if s.name != "" {
			name = fmt.Sprintf("%s-%d", s.name, i+1)
		}
		hosts[i] = model.Host{Name: name, Labels: s.labelsOf(i), Schedulable: true}
	}
	if s.name != "" && s.hosts == 1 {
		hosts[0].Name = s.name
	}
	return hosts
}

// labelsOf are the labels of the nth host: with zones it is in one of them.
func (s *Spec) labelsOf(n int) map[string]string {
	labels := maps.Clone(s.labels)
	if s.zones > 0 {
		labels["zone"] = fmt.Sprintf("z%d", n%s.zones+1)
	}
	return labels
}

// Added are the spec's hosts for the question what they would change: one when
// it does not say how many.
func (s Spec) Added(before int) []whatif.Added {
	s.hosts = max(s.hosts, 1)
	var added []whatif.Added
	for _, h := range s.Hosts("new", before+1) {
		added = append(added, whatif.Added{Host: h, Info: s.machine()})
	}
	return added
}
