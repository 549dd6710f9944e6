package report

import (
	"fmt"
	"strings"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/preview"
)

// PreviewRoom is how many bytes what runs of one pull request takes at most.
const PreviewRoom = 4000

// longestRest is what the line in front and the one about those left out take.
const longestRest = 100 + len(previewMark)

// maxAddresses bounds how many addresses of a preview are listed.
const maxAddresses = 20

// previewMark is the line in front of what runs of a pull request, which nobody sees.
// No text of others can be such a line: in a comment it is escaped.
const previewMark = "\n<!-- preview -->\n"

// WithPreview is a comment on a pull request: its plan, and behind that what runs of
// it.
func WithPreview(plan, preview string) string {
	if preview == "" {
		return plan
	}
	return plan + previewMark + preview
}

// PreviewOver is such a comment when nothing runs any more, where it said that
// something does.
func PreviewOver(comment string) string {
	at := strings.LastIndex(comment, previewMark)
	if at < 0 {
		return comment
	}
	return WithPreview(comment[:at], "**Preview** is over: the pull request is closed, merged or no longer labelled. "+
		"What ran of it is removed, and where it was to be reached there may be something else.\n")
}

// PreviewMarkdown is what runs of pull requests, by their numbers, each as the last
// part of the comment on it.
func PreviewMarkdown(s *Status) map[int]string {
	texts, left := map[int]string{}, map[int]int{}
	for i := range s.Previews {
		p := &s.Previews[i]
		text := "\n" + p.markdown()
		if left[p.Number] > 0 || len(texts[p.Number])+len(text) > PreviewRoom-longestRest {
			left[p.Number]++
			continue
		}
		texts[p.Number] += text
	}
	for number, n := range left {
		texts[number] += fmt.Sprintf("\nand %s; `tallyman get previews` shows all of it\n", model.Count(n, "preview more", "previews more"))
	}
	return texts
}

func (p *Preview) markdown() string {
	text := "**Preview** " + code(p.Name) + " of " + code(short(p.Head)) + ": " + string(p.State)
	if p.State == preview.Running && p.Health != "" {
		text += ", " + strings.ToLower(string(p.Health))
	}
	if p.State == preview.Running && !p.Until.IsZero() { // of others it is not their time that ends
		text += ", until " + p.Until.UTC().Format("2006-01-02 15:04 MST") + " unless somebody pushes"
	}
	text += "\n"
	if p.Reason != "" {
		text += "\n" + escaped(p.Reason) + "\n"
	}
	for i, a := range p.Addresses {
		if i == maxAddresses {
			text += fmt.Sprintf("- and %d more\n", len(p.Addresses)-i)
			break
		}
		text += fmt.Sprintf("- %s, port %d: %s\n", code(a.Service), a.Port, code(fmt.Sprintf("%s:%d/%s", a.Host, a.Published, a.Protocol)))
	}
	return text
}
