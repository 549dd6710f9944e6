package forge

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// bulky answers lists of twelve pull requests, of which some have long texts: of so
// many bytes, by number.
func bulky(kind Kind, long map[int]int) http.HandlerFunc {
	state := map[Kind]string{GitHub: "open", Gitea: "open", GitLab: "opened"}[kind]
	return func(w http.ResponseWriter, r *http.Request) {
		asked := r.URL.Query()
		page, _ := strconv.Atoi(asked.Get("page"))
		size, _ := strconv.Atoi(asked.Get("per_page") + asked.Get("limit"))
		var list []string
		for n := (page-1)*size + 1; n <= min(page*size, 12); n++ {
			list = append(list, fmt.Sprintf(`{"number":%d,"iid":%d,"state":%q,"base":{"ref":"main"},"target_branch":"main"%s}`,
				n, n, state, strings.Repeat(" ", long[n])))
		}
		if page*size < 12 {
			w.Header().Set("Link", fmt.Sprintf(`<http://%s/x?page=%d>; rel="next"`, r.Host, page+1))
			w.Header().Set("X-Next-Page", strconv.Itoa(page+1))
		}
		fmt.Fprint(w, "["+strings.Join(list, ",")+"]")
	}
}

// TestLongTextsHideNoOthers: strangers write them, and a forge may give no end to them.
func TestLongTextsHideNoOthers(t *testing.T) {
	const half = maxAnswer/2 + 1
	for name, c := range map[string]struct {
		long map[int]int
		left int // out of the list
	}{
		"two on different pages":    {map[int]int{3: half, 12: half}, 0},
		"one is too large":          {map[int]int{5: maxAnswer}, 5},
		"the last one is too large": {map[int]int{12: maxAnswer}, 12},
	} {
		for _, kind := range kinds {
			s := serve(t, bulky(kind, c.long))
			list, err := at(t, kind, s.URL).PullRequests(t.Context(), "main")
			var got, want []int
			for _, p := range list {
				got = append(got, p.Number)
			}
			for n := range 12 {
				if n+1 != c.left {
					want = append(want, n+1)
				}
			}
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("%s, %s: listed are %v, %v", kind, name, got, err)
			}
		}
	}
}

// TestAListOfNothingButLongTextsIsAnError, and has an end.
func TestAListOfNothingButLongTextsIsAnError(t *testing.T) {
	large := []byte("[" + strings.Repeat(" ", maxAnswer) + "]")
	each(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(large) },
		func(t *testing.T, asked int64, _ []PullRequest, err error) {
			if err == nil || asked > maxLeftOut+3 {
				t.Errorf("asked %d times: %v", asked, err)
			}
		})
}
