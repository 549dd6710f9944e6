package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/tallyman-io/tallyman/internal/settings"
	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/whatif"
)

// hostSpec describes hosts that there are not, as in
// hosts=3,cpus=8,memory=32GiB,labels=zone=a.
type hostSpec struct {
	name   string
	hosts  int
	info   model.HostInfo
	labels map[string]string
}

// hostKeys are what a hostSpec is made of.
func hostKeys() []string { return []string{"hosts", "name", "cpus", "memory", "labels"} }

var (
	sizeText = regexp.MustCompile(`^[0-9]{1,15}([KMGT]iB|[kMGT]?B)?$`)
	cpusText = regexp.MustCompile(`^[0-9]{1,6}(\.[0-9]{1,9})?$`)
)

// parseHosts reads what a flag says of hosts.
func parseHosts(text string) (hostSpec, error) {
	s := hostSpec{labels: map[string]string{}}
	for _, part := range strings.Split(text, ",") {
		key, value, found := strings.Cut(part, "=")
		if !found || value == "" {
			return s, fmt.Errorf("%q: write KEY=VALUE with commas between, as in hosts=3,cpus=8,memory=32GiB,labels=zone=a", part)
		}
		if err := s.set(key, value); err != nil {
			return s, err
		}
	}
	return s, nil
}

func (s *hostSpec) set(key, value string) (err error) {
	switch key {
	case "hosts":
		if s.hosts, err = strconv.Atoi(value); err != nil || s.hosts < 1 {
			return fmt.Errorf("hosts=%s: must be a number from 1 on", value)
		}
	case "name":
		s.name = value
	case "cpus":
		var n manifest.CPUs
		if !cpusText.MatchString(value) || n.UnmarshalText([]byte(value)) != nil {
			return fmt.Errorf("cpus=%s: must be a number of CPUs, such as 8 or 0.5", value)
		}
		s.info.NanoCPUs = int64(n)
	case "memory":
		var n manifest.Size
		if !sizeText.MatchString(value) || n.UnmarshalText([]byte(value)) != nil {
			return fmt.Errorf("memory=%s: must be a size, such as 32GiB", value)
		}
		s.info.Memory = int64(n)
	case "labels", "label":
		label, content, found := strings.Cut(value, "=")
		if !found || label == "" {
			return fmt.Errorf("labels=%s: write labels=KEY=VALUE, once for each", value)
		}
		s.labels[label] = content
	default:
		return fmt.Errorf("%q: there are %s%s", key, strings.Join(hostKeys(), ", "), settings.DidYouMean(key, hostKeys()))
	}
	return nil
}

// added are the hosts that a spec describes, named after it or new-1, new-2 and
// so on behind those that there are already.
func (s *hostSpec) added(before int, fleet model.Fleet) []whatif.Added {
	var out []whatif.Added
	count := max(s.hosts, 1)
	for i := range count {
		name := fmt.Sprintf("new-%d", before+i+1)
		if s.name != "" {
			name = s.name
			if count > 1 {
				name = fmt.Sprintf("%s-%d", s.name, i+1)
			}
		}
		out = append(out, whatif.Added{Host: model.Host{Name: name, Labels: s.labels, Schedulable: true, Grace: fleet.Grace}, Info: s.info})
	}
	return out
}
