package docker

import (
	"reflect"
	"testing"

	"github.com/docker/docker/api/types/container"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// TestPortsOfBothFamilies are one port, unless the engine has chosen apart for each:
// then the one for IPv6 says so, whichever number is smaller.
func TestPortsOfBothFamilies(t *testing.T) {
	port := func(ip string, private, public uint16) container.Port {
		return container.Port{IP: ip, PrivatePort: private, PublicPort: public, Type: "tcp"}
	}
	for name, c := range map[string]struct {
		list []container.Port
		want []model.Port
	}{
		"the same number": {[]container.Port{port("0.0.0.0", 8080, 80), port("::", 8080, 80)}, []model.Port{{Container: 8080, Published: 80, Protocol: "tcp"}}},
		"chosen apart":    {[]container.Port{port("0.0.0.0", 8080, 32877), port("::", 8080, 32876)}, []model.Port{{Container: 8080, Published: 32876, Protocol: "tcp", HostIP: "::"}, {Container: 8080, Published: 32877, Protocol: "tcp"}}},
		"two of one port": {[]container.Port{port("0.0.0.0", 8080, 80), port("::", 8080, 80), port("0.0.0.0", 8080, 81), port("::", 8080, 81)}, []model.Port{{Container: 8080, Published: 80, Protocol: "tcp"}, {Container: 8080, Published: 81, Protocol: "tcp"}}},
		"IPv6 alone":      {[]container.Port{port("::", 8080, 80)}, []model.Port{{Container: 8080, Published: 80, Protocol: "tcp"}}},
		"not published":   {[]container.Port{port("", 8080, 0)}, nil},
		"on one address":  {[]container.Port{port("127.0.0.1", 8080, 80)}, []model.Port{{Container: 8080, Published: 80, Protocol: "tcp", HostIP: "127.0.0.1"}}},
	} {
		if got := heldPorts(c.list); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
}
