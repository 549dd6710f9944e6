package follow

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/report"
)

// fleet is a controller whose status takes a time to be made, and which always has
// something new.
type fleet struct {
	takes time.Duration
	spent time.Duration
}

func (f *fleet) Status() report.Status {
	time.Sleep(f.takes)
	f.spent += f.takes
	return report.Status{}
}

func (f *fleet) Subscribe() (<-chan struct{}, func()) {
	changed := make(chan struct{})
	close(changed)
	return changed, func() {}
}

// looks is how often a look was taken in a minute that did not begin with a failure,
// when what it does with the status takes a while, and how often it was complained.
func looks(t *testing.T, f *fleet, after time.Duration, result error) (n, complaints int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		Changes(ctx, f, func(_ context.Context, status func() report.Status) (time.Duration, error) {
			status()
			time.Sleep(after)
			n++
			return Again, result
		}, func(error) { complaints++ })
	})
	return n, complaints
}

// TestAForgeThatIsSlowDelaysNoLook beyond the time that it takes: it is the status that
// is a burden to the controller.
func TestAForgeThatIsSlowDelaysNoLook(t *testing.T) {
	if n, _ := looks(t, &fleet{takes: time.Millisecond}, 1500*time.Millisecond, nil); n < 20 {
		t.Errorf("%d looks in a minute, of which each waits 1.5 s for a forge", n)
	}
	large := &fleet{takes: time.Second}
	if looks(t, large, 0, nil); large.spent > time.Minute/Patience+time.Second {
		t.Errorf("%s of a minute went into statuses", large.spent)
	}
}

// TestWhatFailsIsTriedAgainEverMoreSeldom, and complained of once.
func TestWhatFailsIsTriedAgainEverMoreSeldom(t *testing.T) {
	n, complaints := looks(t, &fleet{}, 0, errors.New("no"))
	if n < 4 || n > 8 || complaints != 1 {
		t.Errorf("%d tries in a minute, and %d complaints", n, complaints)
	}
}
