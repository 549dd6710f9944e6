package pulls

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/tallyman-io/tallyman/internal/follow"
	"github.com/tallyman-io/tallyman/internal/forge"
	"github.com/tallyman-io/tallyman/reconcile/proposal"
)

// Loop answers the pull requests into one branch.
type Loop struct {
	Forge forge.Forge
	// Propose computes what merging a pull request would do, of the commit at its
	// HeadRef.
	Propose func(ctx context.Context, pr forge.PullRequest) (proposal.Proposal, error)
	// Base says what there is to compare with: the commit that the branch points to now,
	// and whether that is in force. "" is that it is not known yet.
	Base func() string
	// Keep lets go of all fetched references but these.
	Keep func(ctx context.Context, refs []string) error
	// Previews is given all open pull requests that may be read, for those that run
	// beside their apps, and PreviewTexts are what of them does, as Markdown, with an
	// entry for each that is not over.
	Previews     func(ctx context.Context, open []forge.PullRequest) error
	PreviewTexts func() map[int]string
	Journal      Journal
	// Changed is poked when there may be something new about what runs.
	Changed <-chan struct{}
	// Branch is the branch that pull requests ask to be merged into.
	Branch string
	// Path is the folder of the manifests in the repository.
	Path string
	// Context is what our status and our comment are found by: `tallyman/plan`.
	Context string
	// ForkLabel is the label that lets a pull request of a fork be read.
	ForkLabel string
	// Hints makes a look come sooner; nil never does.
	Hints <-chan struct{}
	// Poll is the time between two looks.
	Poll time.Duration
	Log  *slog.Logger

	answered map[int]answered
	failed   map[int]failure
	said     map[int]said
	unjudged map[int]bool              // those of which it was logged
	pending  map[int]forge.PullRequest // those to whose heads a verdict was promised
	more     chan struct{}
	looked   bool // there was something to compare pull requests with
	troubled bool // the last look failed, which has been logged
	trouble  follow.Trouble
	burden   time.Duration // what the status took that was asked for
}

// Journal is on which pull requests something is said of what runs of them, so that
// the end of that is said too, whatever becomes of the controller meanwhile.
type Journal interface {
	Shown() ([]int, error)
	Show(number int) error
	Unshow(number int) error
}

// answered is what an answer was about; another one is due when it is about
// something else.
type answered struct {
	head, base string
	withheld   bool
}

// said is our comment on a pull request, in its two parts.
type said struct{ plan, preview string }

// failure is an answer that could not be given. What a stranger has pushed may take
// long to fail, such as a file that is too large to be fetched: it is tried again
// ever more seldom.
type failure struct {
	answered
	tries int
	next  time.Time
}

const (
	// planTime bounds the work on one pull request.
	planTime = 3 * time.Minute
	// rest is the least time between two looks, however many hints come.
	rest = 2 * time.Second
	// lookTime is after how long a look ends, to be gone on with by the next: there
	// may be more pull requests than can be planned until somebody pushes.
	lookTime = 30 * time.Second
	// The time until something is tried again doubles with each try.
	firstRetry, lastRetry = 10 * time.Second, time.Hour
)

// Run answers until ctx ends.
func (l *Loop) Run(ctx context.Context) {
	ticker := time.NewTicker(l.Poll)
	defer ticker.Stop()
	l.more = make(chan struct{}, 1)
	l.more <- struct{}{}
	for {
		look, refreshed := l.Look, false
		l.burden = 0
		select {
		case <-ctx.Done():
			return
		case <-l.Hints:
		case <-l.more:
		case <-ticker.C:
		case <-l.Changed:
			if l.looked {
				look, refreshed = l.refresh, true
			}
		}
		if err := look(ctx); ctx.Err() == nil {
			l.note(err, refreshed)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(max(rest, follow.Patience*l.burden)):
		}
	}
}

// Fare is why the forge can't be asked or told, and since when; "" when it can.
func (l *Loop) Fare() (err string, since time.Time) { return l.trouble.Fare() }

// note logs the first of a row of failures, and tells apart what is the forge's. That
// there was nothing to refresh says nothing of the forge.
func (l *Loop) note(err error, refreshed bool) {
	if err == nil && refreshed {
		return
	}
	if err != nil && !l.troubled {
		l.Log.Warn("pull requests can't be answered as they should be, which is tried again", "error", err)
	}
	l.troubled = err != nil
	if class := forge.ClassOf(err); class == "" || class == forge.Invalid {
		err = nil // a pull request's own affair
	}
	l.trouble.Note(err, time.Now())
}

// Look answers every open pull request that has not been answered as it is now. One
// that fails does not keep the others waiting.
func (l *Loop) Look(ctx context.Context) error {
	base := l.Base()
	if base == "" {
		return nil // the controller has not read the branch yet
	}
	l.looked = true
	open, err := l.Forge.PullRequests(ctx, l.Branch)
	if err != nil {
		return err // that is not "none": what was answered stays so
	}
	l.forget(ctx, open)
	l.abandon(ctx, open)
	open = l.judged(open)
	var failed []error
	if err := l.Previews(ctx, slices.DeleteFunc(slices.Clone(open), l.withheld)); err != nil {
		failed = append(failed, err)
	}
	slices.SortFunc(open, func(a, b forge.PullRequest) int {
		return cmp.Or(cmp.Compare(l.rank(a), l.rank(b)), cmp.Compare(a.Number, b.Number))
	})
	begun := time.Now()
	for _, pr := range open {
		due := answered{head: pr.Head, base: base, withheld: l.withheld(pr)}
		before := l.failed[pr.Number]
		if l.answered[pr.Number] == due || before.answered == due && time.Now().Before(before.next) || ctx.Err() != nil {
			continue
		}
		if time.Since(begun) > lookTime {
			l.goOn()
			break
		}
		if err := l.answer(ctx, pr); err != nil {
			failed = append(failed, err)
			l.failed[pr.Number] = before.again(due, time.Now())
			continue
		}
		l.answered[pr.Number] = due
		delete(l.failed, pr.Number)
	}
	return errors.Join(append(failed, l.refresh(ctx))...)
}

// abandon ends the statuses of heads that wait for a verdict and get none: they were
// closed or pushed to meanwhile. A commit may be the head of another one, too, and one
// that was pushed over may be gone.
func (l *Loop) abandon(ctx context.Context, open []forge.PullRequest) {
	waiting := l.pending
	l.pending = map[int]forge.PullRequest{}
	for number, pr := range waiting {
		if slices.ContainsFunc(open, func(o forge.PullRequest) bool { return o.Head == pr.Head }) {
			l.pending[number] = pr
			continue
		}
		if err := l.status(ctx, pr, forge.Errored, "closed or pushed to before it was planned"); err != nil {
			l.Log.Debug("the status of a head that has gone stays pending", "number", number, "error", err)
		}
	}
}

// judged leaves those out of whose labels it is not known whether they count: nothing
// is begun for them, and nothing that was said or runs of them ends. Each is logged
// once, since what is wrong with a stranger's may stay so.
func (l *Loop) judged(open []forge.PullRequest) []forge.PullRequest {
	unjudged := map[int]bool{}
	judged := slices.DeleteFunc(slices.Clone(open), func(pr forge.PullRequest) bool {
		if pr.Unjudged == "" {
			return false
		}
		unjudged[pr.Number] = true
		if !l.unjudged[pr.Number] {
			l.Log.Warn("a pull request is left as it is", "number", pr.Number, "error", pr.Unjudged)
		}
		return true
	})
	l.unjudged = unjudged
	return judged
}

// rank puts those first of whose head nothing was said yet.
func (l *Loop) rank(pr forge.PullRequest) int {
	if l.answered[pr.Number].head == pr.Head {
		return 1
	}
	return 0
}

// goOn has the next look come at once.
func (l *Loop) goOn() {
	select {
	case l.more <- struct{}{}:
	default:
	}
}

// again is the failure of one more try.
func (f failure) again(due answered, now time.Time) failure {
	if f.answered != due {
		f = failure{answered: due}
	}
	f.next = now.Add(min(firstRetry<<min(f.tries, 20), lastRetry))
	f.tries++
	return f
}

// forget lets go of what was answered to pull requests that are not open any more.
func (l *Loop) forget(ctx context.Context, open []forge.PullRequest) {
	still, failed, comments := map[int]answered{}, map[int]failure{}, map[int]said{}
	var refs []string
	for _, pr := range open {
		if a, known := l.answered[pr.Number]; known {
			still[pr.Number] = a
		}
		if f, known := l.failed[pr.Number]; known {
			failed[pr.Number] = f
		}
		if s, known := l.said[pr.Number]; known {
			comments[pr.Number] = s
		}
		refs = append(refs, pr.HeadRef)
	}
	l.answered, l.failed, l.said = still, failed, comments
	if err := l.Keep(ctx, refs); err != nil {
		l.Log.Debug("fetched pull requests can't be let go of", "error", err)
	}
}

func (l *Loop) withheld(pr forge.PullRequest) bool { return Withheld(&pr, l.ForkLabel) }

// Withheld says whether nobody has let a stranger's pull request be read yet, which
// a label does, as far as is known.
func Withheld(pr *forge.PullRequest, label string) bool {
	return pr.Unjudged != "" || pr.Fork && !slices.Contains(pr.Labels, label)
}
