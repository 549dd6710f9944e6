package desired_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/desired"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

var options = desired.Options{Owner: "me", Revision: "0123456789abcdef0123456789abcdef01234567"}

// doc is a document of one line; spec may be empty.
func doc(kind, name, spec string) string {
	if spec != "" {
		spec = ", spec: " + spec
	}
	return fmt.Sprintf("{apiVersion: tallyman/v1, kind: %s, metadata: {name: %s}%s}\n", kind, name, spec)
}

// load reads documents that stand in one file.
func load(t testing.TB, docs ...string) *manifest.Set {
	t.Helper()
	set, err := manifest.Load(fstest.MapFS{"all.yaml": {Data: []byte(strings.Join(docs, "---\n"))}}, manifest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func build(t testing.TB, docs ...string) model.Desired {
	t.Helper()
	return buildFor(t, options, docs...)
}

func buildFor(t testing.TB, opts desired.Options, docs ...string) model.Desired {
	t.Helper()
	d, err := desired.Build(load(t, docs...), opts)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// service builds a single service with a spec.
func service(t testing.TB, spec string) model.Service {
	t.Helper()
	return build(t, doc("Service", "web", spec)).Apps[0].Services[0]
}
