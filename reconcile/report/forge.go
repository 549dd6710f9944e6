package report

import "time"

// Forge is how the forge fares that is told what becomes of commits and asked for pull
// requests.
type Forge struct {
	Kind       string `json:"kind"`
	Repository string `json:"repository"` // as the forge calls it
	// Error says why it could not be told or asked the last time, and Since since when
	// that has been so.
	Error string    `json:"error,omitempty"`
	Since time.Time `json:"since,omitzero"`
	// Refused is how many messages to the webhook were refused since the controller's
	// start.
	Refused int `json:"refused,omitempty"`
}

// failingForge says that what a forge shows may be out of date.
func (t *text) failingForge(s *Status) {
	f := s.Forge
	if f == nil || f.Error == "" {
		return
	}
	t.gap()
	t.line("%s", t.paint(alarm, "the "+f.Kind+" forge of "+clean(f.Repository)+" fails, since "+since(ago(s.Time, f.Since))))
	t.line("  %s", clean(f.Error))
}
