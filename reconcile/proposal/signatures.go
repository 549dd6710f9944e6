package proposal

import (
	"slices"
	"strings"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// Signature is what is known of the signatures that somebody asks for.
type Signature struct {
	// App is whose commits have to be signed, "" being the whole repository.
	App string
	// Unsigned says which commit would keep the branch from being followed.
	Unsigned string
	// Line says that it would be followed only where the branch moves to the head
	// itself.
	Line bool
}

// unverified says why the whole repository would not follow the proposal.
func (in *Input) unverified() string {
	for _, s := range in.Signatures {
		if s.App == "" && s.Unsigned != "" {
			return "not verified: " + s.Unsigned + "; sign each commit, or squash them into one that is signed"
		}
	}
	return ""
}

// signatures tells of the apps that would not follow the proposal, and of what the merge
// itself has to be.
func (in *Input) signatures() []Warning {
	var out []Warning
	held := map[string][]string{}
	var signed, moved []string
	for _, s := range in.Signatures {
		switch {
		case s.App == "" && s.Unsigned != "":
		case s.Unsigned != "":
			held[s.Unsigned] = append(held[s.Unsigned], s.App)
		case s.Line:
			moved = append(moved, s.App)
		default:
			signed = append(signed, s.App)
		}
	}
	for why, apps := range held {
		out = append(out, Warning{Kind: WarnSignature, Thing: asking(apps), Text: "will be held once this is merged, until a signer puts a commit on top that says " + model.TrailerSeal + ": true: " + why})
	}
	if len(moved) > 0 {
		out = append(out, Warning{Kind: WarnSignature, Thing: "the merge", Text: "is followed by " + asking(moved) + " only if it moves the branch to the head itself: git merge --ff-only, and push"})
	}
	if len(signed) > 0 {
		out = append(out, Warning{Kind: WarnSignature, Thing: "the merge", Text: "has to be signed by a signer of " + asking(signed) +
			" too: merge where that key is (git merge -S, or --ff-only) and push. One that the forge makes, squashed or not, counts only if the forge signs with a key on the list"})
	}
	slices.SortFunc(out, func(a, b Warning) int { return strings.Compare(a.Thing+a.Text, b.Thing+b.Text) })
	return out
}

// asking are those who ask for signatures; the whole repository comes first.
func asking(apps []string) string {
	if apps[0] == "" {
		if len(apps) == 1 {
			return "the whole repository"
		}
		return "the whole repository and " + asking(apps[1:])
	}
	if len(apps) == 1 {
		return "app " + apps[0]
	}
	return "apps " + strings.Join(apps, ", ")
}
