package rollout

import (
	"github.com/tallyman-io/tallyman/reconcile/jobs"

	"maps"
	"reflect"
	"slices"
	"time"
)

// Standing is what is remembered of an app besides its newest rollout: where it
// was good last, what has failed, and what people ordered. The values behind
// the pointers are never changed, only exchanged.
type Standing struct {
	Good  *Good  `json:"good,omitempty"`
	Hold  *Hold  `json:"hold,omitempty"`
	Pin   *Pin   `json:"pin,omitempty"`
	Pause *Pause `json:"pause,omitempty"`
	Moves *Moves `json:"moves,omitempty"`
	// Images are nil while none is known that might be removed one day.
	Images *Images `json:"images,omitempty"`
	// Again is what is being tried again at a person's word.
	Again *Again `json:"again,omitempty"`
	// Well is since when the app has been healthy at what it is held to, where
	// others are promoted from it.
	Well *Well `json:"well,omitempty"`
	// Jobs is how far the runs of the app's jobs are.
	Jobs *jobs.Memory `json:"jobs,omitempty"`
}

// Good is what an app was at when it was healthy last: what it goes back to.
type Good struct {
	Revision string `json:"revision"`
	Digest   string `json:"digest"` // of the rendered app
	Subject  string `json:"subject,omitempty"`
	// Images are the digests of then, by reference.
	Images map[string]string `json:"images,omitempty"`
	// Services stand for what its services were, by name.
	Services map[string]string `json:"services,omitempty"`
}

// Hold keeps a rendering of an app that has failed from being tried again. It
// is about the rendering and not about the commit: an unrelated commit leaves
// it alone, and another rendering, such as that of a `git revert`, ends it.
type Hold struct {
	Digest string `json:"digest"` // of the rendered app that failed
	// Revision is the commit that failed, Subject its first line.
	Revision string    `json:"revision"`
	Subject  string    `json:"subject,omitempty"`
	Author   string    `json:"author,omitempty"`
	Reason   string    `json:"reason"`
	Since    time.Time `json:"since"`
	// PulledWith is as in the record of what failed.
	PulledWith string `json:"pulledWith,omitempty"`
	// To is the revision that the app went back to, and Images are the digests of
	// then, by reference.
	To     string            `json:"to"`
	Images map[string]string `json:"images,omitempty"`
	// Revert says that the commit is to be reverted in Git too.
	Revert bool `json:"revert,omitempty"`
	// Service and Container, by its id, are what failed, when it was one
	// container's fault; it goes with the way back. Log are its last lines, and
	// LogRead says that nobody needs it any more for them.
	Service   string `json:"service,omitempty"`
	Container string `json:"container,omitempty"`
	Host      string `json:"host,omitempty"`
	Log       string `json:"log,omitempty"`
	LogRead   bool   `json:"logRead,omitempty"`
}

// Pin holds an app to a revision, whatever the branch says, until a person
// lets go.
type Pin struct {
	Revision string    `json:"revision"`
	By       string    `json:"by,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	Since    time.Time `json:"since"`
	// Images are the digests of then, by reference: of its last rollout, or where
	// none is remembered those of when it was pinned.
	Images map[string]string `json:"images,omitempty"`
}

// Pause lets no rollout of an app begin or go on. What runs is healed.
type Pause struct {
	By     string    `json:"by,omitempty"`
	Reason string    `json:"reason,omitempty"`
	Since  time.Time `json:"since"`
	Until  time.Time `json:"until,omitzero"` // zero is until somebody resumes it
}

// ended says whether the pause has run out.
func (p *Pause) ended(now time.Time) bool {
	return p == nil || !p.Until.IsZero() && !now.Before(p.Until)
}

// Again is a rendering that has failed and is being tried again, and the commit
// that brought it: the branch may have come further with other apps.
type Again struct {
	Digest   string `json:"digest"`
	Revision string `json:"revision"`
	Author   string `json:"author,omitempty"`
	Subject  string `json:"subject,omitempty"`
}

// Retry forgets what failed of an app, so that it is begun anew. Its policy is
// kept: the app may have gone.
func (s State) Retry(app string) {
	if r := s.Records[app]; r.Phase == Failed {
		r.Retry = true
		s.Records[app] = r
	}
	standing := s.Standings[app]
	if r := s.Records[app]; r.Phase == Failed {
		standing.Again = &Again{r.Digest, r.Revision, r.Author, r.Subject}
	}
	if hold := standing.Hold; hold != nil {
		standing.Again = &Again{hold.Digest, hold.Revision, hold.Author, hold.Subject}
	}
	standing.Hold = nil
	s.stand(app, standing)
	s.forgetApp(app)
}

// GoOn begins anew what of an app has failed and stopped there, and forgets the
// tries that were given up. What was gone back from stays on hold: who applies
// again and again, such as by the clock, does not want it to come and go with
// each time. Retry is for that.
func (s State) GoOn(app string) {
	if s.Standings[app].Hold == nil {
		s.Retry(app)
	}
	s.forgetApp(app)
}

// Revisions are those that apps are at, are held to or may have to go back to,
// sorted, each once.
func (s State) Revisions() []string {
	ids := map[string]bool{}
	for app := range s.Records {
		ids[s.Records[app].Revision] = true
	}
	for _, standing := range s.Standings {
		if standing.Good != nil {
			ids[standing.Good.Revision] = true
		}
		if standing.Hold != nil {
			ids[standing.Hold.To] = true
		}
		if standing.Pin != nil {
			ids[standing.Pin.Revision] = true
		}
	}
	delete(ids, "")
	return slices.Sorted(maps.Keys(ids))
}

// Changed are the apps of which s remembers something else than old, sorted.
func (s State) Changed(old State) []string {
	changed := map[string]bool{}
	for app, r := range s.Records {
		if before, known := old.Records[app]; !known || !reflect.DeepEqual(before, r) {
			changed[app] = true
		}
	}
	for app, standing := range s.Standings {
		if old.Standings[app] != standing {
			changed[app] = true
		}
	}
	for app := range old.Standings {
		if _, kept := s.Standings[app]; !kept {
			changed[app] = true
		}
	}
	return slices.Sorted(maps.Keys(changed))
}

// LastGood finds among an app's rollouts, newest first, the last one that was
// completed with another rendering than the present one, and before that was
// there for the first time: going back twice goes back further, and not forth.
func LastGood(records []Record, present string) (Record, bool) {
	for i := len(records) - 1; i >= 0; i-- {
		if records[i].Phase == Complete && records[i].Digest == present {
			records = records[i+1:]
			break
		}
	}
	for i := range records {
		if records[i].Phase == Complete && records[i].Digest != present {
			return records[i], true
		}
	}
	return Record{}, false
}

// Superseded is the phase, in the history, of a rollout that a newer one of the
// app took the place of before it had come to its end.
const Superseded Phase = "superseded"

// Supersede marks such rollouts among those of any apps, newest first.
func Supersede(records []Record) {
	next := map[string]time.Time{}
	for i := range records {
		r := &records[i]
		if end, newer := next[r.App]; newer && r.Phase == Progressing {
			r.Phase, r.EndedAt = Superseded, end
		}
		next[r.App] = r.StartedAt
	}
}

// ImagesAt are the digests of an app's last rollout to a revision, by reference,
// if possible of one that was completed. The records are the newest first.
func ImagesAt(records []Record, revision string) map[string]string {
	var images map[string]string
	for i := range records {
		r := &records[i]
		switch {
		case r.Revision != revision || r.Images == nil:
		case r.Phase == Complete:
			return r.Images
		case images == nil:
			images = r.Images
		}
	}
	return images
}

// Pinned is the state with an app pinned to a revision, with the digests of then.
func (s State) Pinned(app, revision string, images map[string]string) State {
	next := s.Clone()
	standing := next.Standings[app]
	standing.Pin = &Pin{Revision: revision, Images: images}
	next.stand(app, standing)
	return next
}

// HeldTo says whether an app is held to a revision, by a person or because
// another one has failed. There it runs what it ran then, or nothing new: what a
// reference has become since does not stand in.
func (s State) HeldTo(app, revision string) bool {
	standing := s.Standings[app]
	return standing.Pin != nil && standing.Pin.Revision == revision || standing.Hold != nil && standing.Hold.To == revision
}

// Image is what an app's image reference was resolved to for a revision. Where
// that is not remembered, and the app is not held to the revision, it is what it
// was for the one that the app was rolled out to or was good at last; "" when
// nothing is.
func (s State) Image(app, ref, revision string) (digest, of string) {
	standing, record := s.Standings[app], s.Records[app]
	pin, hold, good := standing.Pin, standing.Hold, standing.Good
	if good == nil {
		good = &Good{}
	}
	switch {
	case pin != nil && pin.Revision == revision && pin.Images[ref] != "":
		return pin.Images[ref], revision
	case hold != nil && hold.To == revision && hold.Images[ref] != "":
		return hold.Images[ref], revision
	case good.Revision == revision && good.Images[ref] != "":
		return good.Images[ref], revision
	case record.Revision == revision && record.Images[ref] != "":
		return record.Images[ref], revision
	case s.HeldTo(app, revision):
		return "", ""
	case record.Images[ref] != "":
		return record.Images[ref], record.Revision
	}
	return good.Images[ref], good.Revision
}

// stand keeps what is remembered of an app.
func (s State) stand(app string, standing Standing) {
	if standing == (Standing{}) {
		delete(s.Standings, app)
		return
	}
	s.Standings[app] = standing
}
