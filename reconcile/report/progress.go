package report

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// progressLines is how many services are drawn at most: what scrolls out of a
// terminal can't be drawn over.
const progressLines = 20

// Progress shows how services get from old to new. On a terminal it draws the
// same lines over and over; elsewhere it writes a line when something has
// changed.
type Progress struct {
	w     io.Writer
	style Style
	drawn int
	said  map[string]string
}

// NewProgress makes one that writes to w.
func NewProgress(w io.Writer, style Style) *Progress {
	return &Progress{w: w, style: style, said: map[string]string{}}
}

// Show shows the status.
func (p *Progress) Show(s *Status) error {
	if p.style.Width > 0 {
		return p.draw(s)
	}
	return p.say(s)
}

func (p *Progress) say(s *Status) error {
	var out strings.Builder
	for _, v := range Services(s) {
		p.note(&out, v.App+"/"+v.Name, serviceProgress(&v), finished(&v))
	}
	for i := range s.Apps {
		a := &s.Apps[i]
		text := strings.TrimSuffix(fmt.Sprintf("%s: %s", a.Phase, clean(a.Reason)), ": ")
		p.note(&out, a.Name, text, a.Phase == "" || a.Phase == rollout.Complete)
	}
	p.sayPulls(&out, s)
	_, err := io.WriteString(p.w, out.String())
	return err
}

// note writes a line about a thing when it says something else than the last
// one did. Of what is as it should be from the beginning nothing is said.
func (p *Progress) note(out *strings.Builder, name, text string, quiet bool) {
	last, known := p.said[name]
	if !known && quiet {
		p.said[name] = text
		return
	}
	if last != text {
		p.said[name] = text
		fmt.Fprintf(out, "%s: %s\n", name, text)
	}
}

func serviceProgress(v *Service) string {
	text := fmt.Sprintf("%d old, %d new, %d healthy of %d", v.Old, v.New, v.Ready, v.Of)
	if v.Health == Degraded && v.Reason != "" {
		return text + "; " + clean(v.Reason)
	}
	for i := range v.Replicas {
		if r := &v.Replicas[i]; r.Verdict == plan.Blocked {
			return text + "; " + clean(v.Name+"-"+r.Slot+": "+r.Reason)
		}
	}
	return text
}

func finished(v *Service) bool {
	return v.New == v.Of && v.Ready == v.Of && v.Old == 0 && v.Sync == Synced
}

func (p *Progress) draw(s *Status) error {
	lines := p.picture(s)
	var out strings.Builder
	if p.drawn > 0 {
		fmt.Fprintf(&out, "\x1b[%dA", p.drawn)
	}
	for _, line := range lines {
		out.WriteString("\r\x1b[K" + line + "\n")
	}
	out.WriteString("\x1b[J") // there may have been more lines before
	p.drawn = len(lines)
	_, err := io.WriteString(p.w, out.String())
	return err
}

// picture is one line per service: those on their way first when there are
// more than fit.
func (p *Progress) picture(s *Status) []string {
	services := Services(s)
	hidden := 0
	if len(services) > progressLines {
		services, hidden = unfinishedFirst(services)
	}
	widest := 0
	for i := range services {
		widest = max(widest, utf8.RuneCountInString(services[i].App+"/"+services[i].Name))
	}
	lines := make([]string, 0, len(services)+1)
	for i := range services {
		lines = append(lines, p.serviceLine(&services[i], widest))
	}
	for _, line := range pullTexts(s) {
		lines = append(lines, cut(line, p.style.Width))
	}
	if hidden > 0 {
		lines = append(lines, cut(fmt.Sprintf("and %s more", model.Count(hidden, "service", "services")), p.style.Width))
	}
	return lines
}

func unfinishedFirst(services []Service) (shown []Service, hidden int) {
	var last []Service
	for i := range services {
		if finished(&services[i]) {
			last = append(last, services[i])
		} else {
			shown = append(shown, services[i])
		}
	}
	shown = append(shown, last...)
	return shown[:progressLines], len(shown) - progressLines
}

func (p *Progress) serviceLine(v *Service, widest int) string {
	name := v.App + "/" + v.Name
	name += strings.Repeat(" ", widest-utf8.RuneCountInString(name)+2)
	line := cut(name+serviceProgress(v), p.style.Width)
	if finished(v) {
		return p.style.paint(green, line)
	}
	if v.Health == Degraded {
		return p.style.paint(red, line)
	}
	return line
}

// cut keeps a line within the terminal: one that wraps takes two lines, and the
// next drawing would miss by one.
func cut(line string, width int) string {
	runes := []rune(line)
	if len(runes) < width {
		return line
	}
	return string(runes[:max(0, width-1)])
}
