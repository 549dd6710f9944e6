package pulls

import (
	"strings"
	"testing"
)

// TestTheCommentFollowsThePreview, and a stranger's pull request is not run before
// somebody lets it be read.
func TestTheCommentFollowsThePreview(t *testing.T) {
	d := newDesk(t)
	number, _ := d.pull("feature")
	d.stage.ForkPull("strange", "Strange")
	d.preview = "\npreview: on its way\n"
	if err := d.look(); err != nil {
		t.Fatal(err)
	}
	if len(d.seen) != 1 || d.seen[0].Number != number {
		t.Errorf("pull requests that may be run: %+v", d.seen)
	}
	expect(t, "comment", d.comment(number), "preview: on its way")
	d.preview = "\npreview: at edge-1:8080\n"
	if err := d.refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	expect(t, "comment later", d.comment(number), "preview: at edge-1:8080")
	expect(t, "the plan in it", d.comment(number), "`+3`")
}

// TestTheEndOfAPreviewIsSaid: once, with the plan left as it is, where the label was
// taken off and where the pull request was closed, also by a loop that began later.
func TestTheEndOfAPreviewIsSaid(t *testing.T) {
	for name, end := range map[string]func(d *desk, number int){
		"no longer labelled": func(*desk, int) {},
		"closed":             func(d *desk, number int) { d.stage.Close(number) },
		"closed while no controller ran": func(d *desk, number int) {
			d.stage.Close(number)
			d.answered, d.failed, d.said, d.looked = nil, nil, nil, false
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			number, _ := d.pull("feature")
			d.preview = "\n**Preview** runs at `edge-1:8080`\n"
			if err := d.look(); err != nil {
				t.Fatal(err)
			}
			expect(t, "comment while it runs", d.comment(number), "edge-1:8080")
			end(d, number)
			d.over = true
			for range 2 {
				if err := d.look(); err != nil {
					t.Fatal(err)
				}
			}
			got := d.comment(number)
			expect(t, "comment in the end", got, "**Preview** is over")
			expect(t, "the plan in it", got, "`+3`")
			if strings.Contains(got, "edge-1:8080") || strings.Count(got, "Preview") != 1 {
				t.Errorf("in the end the comment says %q", got)
			}
			if shown, err := d.journal.Shown(); err != nil || len(shown) > 0 {
				t.Errorf("it is said again: %v, %v", shown, err)
			}
		})
	}
}

// TestWhatIsNotOverIsNotSaidToBe: a preview of which there is nothing to say yet, as
// soon after a start, is not over.
func TestWhatIsNotOverIsNotSaidToBe(t *testing.T) {
	d := newDesk(t)
	number, _ := d.pull("feature")
	d.preview = "\n**Preview** runs\n"
	if err := d.look(); err != nil {
		t.Fatal(err)
	}
	d.preview = ""
	if err := d.refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	expect(t, "comment", d.comment(number), "**Preview** runs")
}
