package simulated

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/tallyman-io/tallyman/internal/state"
)

// marker is the file by which a simulation's state directory is known.
const marker = "simulated"

// Suffix tells a simulation's state directory from the installation's own, where
// nobody names one.
const Suffix = "-simulated"

// Is says whether a state directory is a simulation's.
func Is(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, marker))
	return err == nil
}

// Claim makes a state directory a simulation's. One that is a real installation's is refused.
func Claim(dir string) error {
	if state.Exists(dir) && !Is(dir) {
		return fmt.Errorf("simulate in state directory %q: it has the journal of a real installation, which must not get mixed up with a simulation's; name a new one with --state-dir", dir)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make state directory: %w", err)
	}
	text := "The state of a simulation (tallyman serve --simulate): nothing in here is about real hosts.\n"
	if err := os.WriteFile(filepath.Join(dir, marker), []byte(text), 0o600); err != nil {
		return fmt.Errorf("mark state directory: %w", err)
	}
	return nil
}
