package report

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

// Reservations that have grown send nobody away, so the host says that it has less
// than what is set aside.
func TestAnOvercommittedHostIsTold(t *testing.T) {
	s := &Status{Hosts: []Host{
		{Name: "edge-1", Reachable: true, Schedulable: true, Capacity: Amounts{2, 1 << 30}, Reserved: Amounts{2.5, 1700 << 20}},
		{Name: "edge-2", Reachable: true, Schedulable: true, Capacity: Amounts{2, 1 << 30}, Reserved: Amounts{2, 1 << 30}},
		{Name: "edge-3", Reachable: true, Schedulable: true, Reserved: Amounts{2, 1 << 30}}, // of which nobody knows what it has
	}}
	const want = "more is set aside than it has: 1700MiB of 1024MiB of memory, 2.5 of 2 CPUs"
	for name, write := range map[string]func(io.Writer) error{
		"status":    func(w io.Writer) error { return StatusText(w, s, Style{}) },
		"get hosts": func(w io.Writer) error { _, err := GetText(w, s, "hosts", Style{}); return err },
		"describe": func(w io.Writer) error {
			return DescribeText(w, s, []any{&s.Hosts[0], &s.Hosts[1], &s.Hosts[2]}, Style{})
		},
	} {
		var out bytes.Buffer
		if err := write(&out); err != nil || strings.Count(out.String(), want) != 1 {
			t.Errorf("%s says (%v)\n%s", name, err, out.String())
		}
	}
}
