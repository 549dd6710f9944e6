//go:build forge

package giteatest

import "testing"

// TestItBuilds is what make test-forge runs first, so that the minutes that a
// first build takes are of no other test's.
func TestItBuilds(t *testing.T) {
	path, err := Build(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Log(path)
}
