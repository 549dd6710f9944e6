package dockertest

import "github.com/tallyman-io/tallyman/internal/testimage"

// Images makes sure that the engine has these test images (tallyman/hello:1)
// until the test ends; testimage.Use says which of them go then.
func (e *Engine) Images(tags ...string) {
	e.t.Helper()
	release, err := testimage.Use(e.t.Context(), e.Client, tags...)
	if err != nil {
		e.t.Fatal(err)
	}
	e.releases = append(e.releases, release)
}
