package feedback

import (
	"cmp"
	"fmt"
	"strings"
	"unicode"

	"github.com/tallyman-io/tallyman/reconcile/report"
)

// revertTrailer names the commit that a commit made here reverts.
const revertTrailer = "Tallyman-Reverts"

// What is kept of texts in which others have a say.
const (
	longestSubject = 150
	longestReason  = 500
)

func revertBranch(a *report.App) string {
	return fmt.Sprintf("tallyman/revert-%s-%.8s", a.Name, a.Hold.Revision)
}

// revertTitle is as that of `git revert`.
func revertTitle(a *report.App) string {
	return `Revert "` + oneLine(cmp.Or(a.Hold.Subject, a.Hold.Revision), longestSubject) + `"`
}

// revertMessage begins as that of `git revert`, which takes back all of a commit
// where this takes back one app's part.
func revertMessage(a *report.App) string {
	return fmt.Sprintf("%s\n\nThis reverts commit %s for app %s, which failed:\n\n    %s\n\nThe app's files are again what they were at commit\n%s.\n\nTallyman-App: %s\n%s: %s",
		revertTitle(a), a.Hold.Revision, a.Name, oneLine(a.Hold.Reason, longestReason), a.Hold.To, a.Name, revertTrailer, a.Hold.Revision)
}

// revertBody has the reasons as code: whatever a container or a commit said is no
// markup. Unvouched is why `verify` would hold the revert back, "" when it would not.
func revertBody(a *report.App, unvouched string) string {
	text := fmt.Sprintf("App `%s` was rolled back from commit %s:\n\n    %s\n\nHosts run it as of %s, and will until the branch has something else of it. "+
		"Merging this makes the branch say so too; a fix does as well.\n", a.Name, a.Hold.Revision, oneLine(a.Hold.Reason, longestReason), a.Hold.To)
	if unvouched != "" {
		text += "\nAs it is, `verify` will hold this back once it is merged, because no signer has signed it:\n\n    " + oneLine(unvouched, longestReason) +
			"\n\nMerge it as one commit that a signer signs, or put the key that Tallyman signs with among the signers.\n"
	}
	return text
}

// oneLine leaves no room for a second line or for what no terminal should get.
func oneLine(text string, longest int) string {
	text = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text, "?"), func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
	if runes := []rune(text); len(runes) > longest {
		text = string(runes[:longest-1]) + "…"
	}
	return text
}
