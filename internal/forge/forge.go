package forge

import (
	"context"
	"time"
)

// Forge is one repository on a forge. All its methods may be called again, and
// by several at once: what is there already is not made a second time.
type Forge interface {
	// PullRequests are all open ones that ask to be merged into base. While
	// they are read page by page one may slip through; who concludes anything
	// from an absence asks PullRequest first.
	PullRequests(ctx context.Context, base string) ([]PullRequest, error)
	// PullRequest is one of any state.
	PullRequest(ctx context.Context, number int) (PullRequest, error)
	// SetStatus says how a commit fares. The same again sends nothing.
	SetStatus(ctx context.Context, s Status) error
	// Comment keeps one comment of ours on a pull request: it is made once and
	// changed after that. It is found again by the marker, which nobody sees,
	// and by being our account's: a stranger's comment with our marker is not
	// ours.
	Comment(ctx context.Context, number int, marker, body string) error
	// Amend changes what our comment says, if there is one, also where the pull
	// request is closed.
	Amend(ctx context.Context, number int, marker string, change func(body string) string) error
	// Annotate keeps our remarks on lines of a pull request: it makes each once,
	// and ends those that are not among the notes any more. It leaves out remarks
	// on lines that the pull request does not show, where no forge can put any,
	// and does nothing when the head is another one by now.
	Annotate(ctx context.Context, r Remarks) error
	// OpenPullRequest opens one, or brings title and body of the one that is
	// open already from the same branch into the same base up to date.
	OpenPullRequest(ctx context.Context, n NewPullRequest) (PullRequest, error)
	// Close closes one that our account has opened, without merging it; one that
	// is not open any more stays as it is. It reports false of another account's,
	// which is left alone.
	Close(ctx context.Context, number int) (ours bool, err error)
	// BodyLimit is how many characters the body of a comment may have.
	BodyLimit() int
}

// State is where a pull request is in its life.
type State string

// The states of pull requests.
const (
	StateOpen   State = "open"
	StateClosed State = "closed"
	StateMerged State = "merged"
)

// PullRequest is a change that somebody asks to be merged: GitLab's merge
// request too. Its text is a stranger's.
type PullRequest struct {
	Number     int
	Title      string
	Author     string // name of the account
	URL        string // for people
	State      State
	Head       string // id of the commit that is to be merged
	HeadRef    string // where that can be fetched from the base's repository, in full: refs/pull/7/head
	HeadBranch string // its branch, in the repository that it comes from
	Base       string // branch that it is to be merged into
	Fork       bool   // it comes from elsewhere than a branch of the repository, so perhaps from somebody without rights in it
	// Labels are those that somebody with rights here put on. Unjudged is why that
	// is not known; then there are none, and nothing is to follow from that.
	Labels   []string
	Unjudged string
	Updated  time.Time

	body string
}

// NewPullRequest is what to ask for. Head is a branch of the same repository.
type NewPullRequest struct {
	Head, Base, Title, Body string
	Labels                  []string // made where the forge has none of the name
}

// Verdict is how a commit fares.
type Verdict string

// The verdicts.
const (
	Pending Verdict = "pending"
	Success Verdict = "success"
	Failure Verdict = "failure" // the commit is at fault
	Errored Verdict = "error"   // it could not be judged
)

// Status is a verdict on a commit, in a context of ours that the forge can be
// told to require.
type Status struct {
	Commit  string
	Context string
	Verdict Verdict
	// Description is one line. It is shortened to what the forge takes.
	Description string
	URL         string // leads to more; may be ""
	// Branch is where the commit came from. GitLab takes no status without one
	// for a commit that is on no branch of the repository.
	Branch string
}

// Remarks are all that we have to remark on the lines of a pull request whose head
// is Commit. The marker is what ours are found again by, besides the account.
type Remarks struct {
	PullRequest    int
	Commit, Marker string
	Notes          []Note
}

// Note is a remark on a line of a file as the pull request leaves it.
type Note struct {
	Path string
	Line int
	Text string
}
