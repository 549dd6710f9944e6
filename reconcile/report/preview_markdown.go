package report

import (
	"fmt"
	"strings"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/preview"
)

// PreviewRoom is how many bytes what runs of one pull request takes at most.
const PreviewRoom = 4000

// longestRest is what the line about those left out takes.
const longestRest = 100

// maxAddresses bounds how many addresses of a preview are listed.
const maxAddresses = 20

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
