package docker_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/internal/dockertest"
	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/engine/docker"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// TestAnImageThatCanNotBeMadeIsRefusedForGood: trying again would be no use.
func TestAnImageThatCanNotBeMadeIsRefusedForGood(t *testing.T) {
	local := dockertest.Local(t)
	e, err := docker.New(model.Host{Name: "here", Endpoint: local.Endpoint}, docker.WithImages(func(_, arch string, _ io.Writer) error {
		return errors.New("nothing for " + arch)
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	err = e.Do(t.Context(), model.LoadImage{Host: "here", Image: local.Owner + "-none:1"}, nil)
	if engine.ClassOf(err) != engine.Invalid || !strings.Contains(err.Error(), "nothing for ") {
		t.Errorf("the error is %v, of class %q", err, engine.ClassOf(err))
	}
}
