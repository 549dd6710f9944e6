package forge

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestGiteaLabelsOfStrangers has the timelines that Gitea gives of pull requests
// with the labels 1 and 2, which account 7 opened.
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
		fork         bool
		want         []string
	}{
		"a branch of the repository":  {own, `null`, false, both},
		"set by who opened it":        {fork, event(1, 7, "1") + "," + event(2, 7, "1"), true, nil},
		"set by another":              {fork, event(1, 7, "1") + "," + event(2, 8, "1"), true, []string{"two"}},
		"confirmed by another":        {fork, event(1, 7, "1") + "," + event(1, 8, "") + "," + event(1, 8, "1"), true, []string{"one"}},
		"set by another, then itself": {fork, event(1, 8, "1") + "," + event(1, 8, "") + "," + event(1, 7, "1"), true, nil},
		"nobody is known":             {fork, `null`, true, nil},
		"of something else":           {fork, `{"type":"comment","body":"1","user":{"id":8}},{"type":"label","body":"1","user":{"id":8}}`, true, nil},
		"pushed to refs/for/":         {pushed, event(1, 7, "1"), true, nil},
		"a fork that is gone":         {deleted, event(2, 8, "1"), true, []string{"two"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				one := fmt.Sprintf(`{"number":3,"state":"open","user":{"id":7},"head":{"ref":"x",%s},"base":{"ref":"main","repo_id":1},
					"labels":[{"id":2,"name":"two"},{"id":1,"name":"one"}]}`, c.head)
				switch {
				case strings.HasSuffix(r.URL.Path, "/issues/3/timeline") && c.events == "null":
					fmt.Fprint(w, c.events)
				case strings.HasSuffix(r.URL.Path, "/issues/3/timeline"):
					fmt.Fprint(w, "["+c.events+"]")
				case strings.HasSuffix(r.URL.Path, "/pulls/3"):
					fmt.Fprint(w, one)
				default:
					fmt.Fprint(w, "["+one+"]")
				}
			})
			f := at(t, Gitea, s.URL)
			list, err := f.PullRequests(t.Context(), "main")
			if err != nil || len(list) != 1 || list[0].Fork != c.fork || !slices.Equal(list[0].Labels, c.want) {
				t.Errorf("listed as %+v, %v; want fork %v and labels %q", list, err, c.fork, c.want)
			}
			one, err := f.PullRequest(t.Context(), 3)
			if err != nil || one.Fork != c.fork || !slices.Equal(one.Labels, c.want) {
				t.Errorf("alone it is %+v, %v; want fork %v and labels %q", one, err, c.fork, c.want)
			}
		})
	}
}

// TestGiteaWithoutATimeline: labels that nobody can judge are no answer.
func TestGiteaWithoutATimeline(t *testing.T) {
	for _, answer := range []string{"", "<html>", `[{"type":`} {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/timeline") {
				fmt.Fprint(w, answer)
				return
			}
			fmt.Fprint(w, `{"number":3,"state":"open","labels":[{"id":1,"name":"one"}]}`)
		})
		if p, err := at(t, Gitea, s.URL).PullRequest(t.Context(), 3); err == nil {
			t.Errorf("with the timeline %q it is %+v", answer, p)
		}
	}
}
