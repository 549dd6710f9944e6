package registry

import (
	"net"
	"slices"
	"strings"

	"github.com/distribution/reference"
	"github.com/google/go-containerregistry/pkg/name"
)

// Hub is the registry of references that name none.
const Hub = "docker.io"

// hubHost is where Docker Hub answers.
const hubHost = "index.docker.io"

// question is a reference as Docker understands it: nginx is
// docker.io/library/nginx:latest.
type question struct {
	ref      string // as declared
	registry string // Hub or host[:port]
	path     string
	tag      string
	digest   string // of a reference that has one, nothing has to be asked
}

func parse(ref string) (question, error) {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return question{}, &Error{Class: Invalid, Ref: ref, Cause: "not an image reference; write name:tag or registry/name:tag, in lower case"}
	}
	q := question{ref: ref, registry: reference.Domain(named), path: reference.Path(named)}
	if d, ok := named.(reference.Digested); ok {
		q.digest = d.Digest().String()
	}
	if t, ok := reference.TagNameOnly(named).(reference.Tagged); ok {
		q.tag = t.Tag()
	}
	return q, nil
}

// RegistryOf is the registry that a reference names, or "" when it is not one.
func RegistryOf(ref string) string {
	q, err := parse(ref)
	if err != nil {
		return ""
	}
	return q.registry
}

// repository is where the question is asked, in the words of the library that
// asks it.
func (q question) repository(plain bool) (name.Repository, error) {
	host := q.registry
	if host == Hub {
		host = hubHost
	}
	var opts []name.Option
	if plain {
		opts = append(opts, name.Insecure)
	}
	registry, err := name.NewRegistry(host, opts...)
	if err != nil {
		return name.Repository{}, &Error{Class: Invalid, Ref: q.ref, Registry: q.registry, Cause: err.Error()}
	}
	return registry.Repo(q.path), nil
}

// plainAllowed says whether a registry may be spoken to without TLS: on this
// machine, as Docker allows it, and where the installation says so.
func plainAllowed(registry string, insecure []string) bool {
	host := hostOf(registry)
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	if ip != nil && ip.IsLoopback() {
		return true
	}
	return slices.ContainsFunc(insecure, func(entry string) bool {
		_, block, err := net.ParseCIDR(entry)
		return entry == registry || entry == host || err == nil && ip != nil && block.Contains(ip)
	})
}

// hostOf is a registry without its port.
func hostOf(registry string) string {
	host, _, err := net.SplitHostPort(registry)
	if err != nil {
		host = registry
	}
	return strings.Trim(host, "[]")
}
