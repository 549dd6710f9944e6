package model

import "testing"

func TestPortsClash(t *testing.T) {
	port := func(published uint16, protocol, ip string) Port {
		return Port{Container: 80, Published: published, Protocol: protocol, HostIP: ip}
	}
	for name, tc := range map[string]struct {
		a, b Port
		want bool
	}{
		"the same":                    {port(80, "tcp", ""), port(80, "tcp", ""), true},
		"another number":              {port(80, "tcp", ""), port(81, "tcp", ""), false},
		"another protocol":            {port(80, "tcp", ""), port(80, "udp", ""), false},
		"chosen by the engine":        {port(0, "tcp", ""), port(0, "tcp", ""), false},
		"two addresses":               {port(80, "tcp", "10.0.0.1"), port(80, "tcp", "10.0.0.2"), false},
		"one address and all of them": {port(80, "tcp", "10.0.0.1"), port(80, "tcp", "0.0.0.0"), true},
		"IPv6's all":                  {port(80, "tcp", "::"), port(80, "tcp", "10.0.0.1"), true},
	} {
		if tc.a.Clashes(tc.b) != tc.want || tc.b.Clashes(tc.a) != tc.want {
			t.Errorf("%s: %v and %v", name, tc.a.Clashes(tc.b), tc.b.Clashes(tc.a))
		}
	}
	web, db := []Port{port(80, "tcp", ""), port(443, "tcp", "")}, []Port{port(5432, "tcp", ""), port(443, "tcp", "10.0.0.1")}
	if !PortsClash(web, db) || PortsClash(web, db[:1]) || PortsClash(nil, db) {
		t.Error("of two lists any pair counts, and nothing else")
	}
}
