package forge

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestGiteaLabelsOfStrangers has the timelines that Gitea gives of pull requests
// with the labels 1 and 2, which account 7 opened, or the writer 9.
func TestGiteaLabelsOfStrangers(t *testing.T) {
	const (
		own     = `"label":"x","repo_id":1`
		fork    = `"label":"x","repo_id":2`
		pushed  = `"label":"","repo_id":1`
		deleted = `"label":"x","repo_id":-1`
	)
	event := func(label, user int, body string) string {
		return fmt.Sprintf(`{"type":"label","body":%q,"label":{"id":%d},"user":{"id":%d}}`, body, label, user)
	}
	both := []string{"one", "two"}
	for name, c := range map[string]struct {
		head, events string
		by           int
		fork         bool
		want         []string
	}{
		"a branch of the repository":               {own, `null`, 9, false, both},
		"the same, and another took one off":       {own, event(1, 8, "") + "," + event(1, 9, "1"), 9, false, both},
		"a stranger asks for a branch":             {own, event(1, 7, "1") + "," + event(2, 7, "1"), 7, false, nil},
		"a stranger does, and another labelled it": {own, event(1, 7, "1") + "," + event(2, 8, "1"), 7, false, []string{"two"}},
		"a writer's fork":                          {fork, event(1, 9, "1") + "," + event(2, 8, "1"), 9, true, []string{"two"}},
		"set by who opened it":                     {fork, event(1, 7, "1") + "," + event(2, 7, "1"), 7, true, nil},
		"set by another":                           {fork, event(1, 7, "1") + "," + event(2, 8, "1"), 7, true, []string{"two"}},
		"confirmed by another":                     {fork, event(1, 7, "1") + "," + event(1, 8, "") + "," + event(1, 8, "1"), 7, true, []string{"one"}},
		"set by another, then itself":              {fork, event(1, 8, "1") + "," + event(1, 8, "") + "," + event(1, 7, "1"), 7, true, nil},
		"nobody is known":                          {fork, `null`, 7, true, nil},
		"of something else":                        {fork, `{"type":"comment","body":"1","user":{"id":8}},{"type":"label","body":"1","user":{"id":8}}`, 7, true, nil},
		"pushed to refs/for/":                      {pushed, event(1, 7, "1"), 7, true, nil},
		"a fork that is gone":                      {deleted, event(2, 8, "1"), 7, true, []string{"two"}},
	} {
		t.Run(name, func(t *testing.T) {
			timeline := "[" + c.events + "]"
			if c.events == "null" {
				timeline = c.events
			}
			s := serve(t, labelled(fmt.Sprintf(`"user":{"id":%d},"head":{"ref":"x",%s},"base":{"ref":"main","repo_id":1}`, c.by, c.head), timeline))
			f := at(t, Gitea, s.URL)
			list, err := f.PullRequests(t.Context(), "main")
			if err != nil || len(list) != 2 || list[1].Fork != c.fork || !slices.Equal(list[1].Labels, c.want) || list[1].Unjudged != "" {
				t.Errorf("listed as %+v, %v; want fork %v and labels %q", list, err, c.fork, c.want)
			}
			one, err := f.PullRequest(t.Context(), 3)
			if err != nil || one.Fork != c.fork || !slices.Equal(one.Labels, c.want) || one.Unjudged != "" {
				t.Errorf("alone it is %+v, %v; want fork %v and labels %q", one, err, c.fork, c.want)
			}
		})
	}
}

// labelled answers as a repository that 9 may write to, with pull request 2, which has
// no labels, and 3, which has two and is told of as said.
func labelled(said, timeline string) http.HandlerFunc {
	three := `{"number":3,"state":"open",` + said + `,"labels":[{"id":2,"name":"two"},{"id":1,"name":"one"}]}`
	return func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/issues/3/timeline"):
			fmt.Fprint(w, timeline)
		case strings.HasSuffix(r.URL.Path, "/assignees"):
			fmt.Fprint(w, `[{"id":9,"login":"writer"}]`)
		case strings.HasSuffix(r.URL.Path, "/pulls/3"):
			fmt.Fprint(w, three)
		default:
			fmt.Fprint(w, `[{"number":2,"state":"open","base":{"ref":"main"}},`+three+"]")
		}
	}
}

// TestGiteaWithoutATimeline: labels that nobody can judge do not count, which is said,
// and keep no other pull request from being seen.
func TestGiteaWithoutATimeline(t *testing.T) {
	for name, answer := range map[string]string{
		"empty": "", "no JSON": "<html>", "half": `[{"type":`, "filled": "[" + strings.Repeat(" ", maxAnswer) + "]",
	} {
		s := serve(t, labelled(`"head":{"ref":"x","repo_id":2},"base":{"ref":"main","repo_id":1}`, answer))
		f := at(t, Gitea, s.URL)
		list, err := f.PullRequests(t.Context(), "main")
		if err != nil || len(list) != 2 || list[0].Unjudged != "" || len(list[1].Labels) > 0 ||
			!strings.HasPrefix(list[1].Unjudged, `judge the labels of pull request 3: `) {
			t.Errorf("%s: listed as %+v, %v", name, list, err)
		}
		if p, err := f.PullRequest(t.Context(), 3); err != nil || p.Unjudged == "" || len(p.Labels) > 0 {
			t.Errorf("%s: alone it is %+v, %v", name, p, err)
		}
	}
}
