package docker

import (
	"slices"
	"testing"
)

// TestWarningsAreOneLineEach: engines set some of them in columns.
func TestWarningsAreOneLineEach(t *testing.T) {
	got := warnings([]string{"WARNING: No swap limit support", "WARNING: API is accessible on http://0.0.0.0:2375\n         without encryption."})
	if want := []string{"API is accessible on http://0.0.0.0:2375 without encryption."}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
