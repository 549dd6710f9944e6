package forge

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// pages serves so many pull requests, tagged by the body alone as Rails does
// it. Bare leaves out of "not modified" where the list goes on.
func pages(t *testing.T, total *atomic.Int64, size int, bare bool) string {
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		page, _ := strconv.Atoi(cmp.Or(r.URL.Query().Get("page"), "1"))
		var list []string
		for i := (page-1)*size + 1; i <= min(page*size, int(total.Load())); i++ {
			list = append(list, fmt.Sprintf(`{"number":%d,"iid":%d,"state":%q,"target_branch":"main","base":{"ref":"main"}}`, i, i,
				map[bool]string{true: "opened", false: "open"}[strings.Contains(r.URL.Path, "merge_requests")]))
		}
		body := "[" + strings.Join(list, ",") + "]"
		sum := fnv.New64a()
		sum.Write([]byte(body))
		tag := fmt.Sprintf(`W/"%x"`, sum.Sum64())
		unchanged := r.Header.Get("If-None-Match") == tag
		w.Header().Set("ETag", tag)
		if page*size < int(total.Load()) && (!unchanged || !bare) {
			w.Header().Set("X-Next-Page", strconv.Itoa(page+1))
			w.Header().Set("Link", fmt.Sprintf(`<http://%s%s?page=%d>; rel="next"`, r.Host, r.URL.Path, page+1))
		}
		if unchanged {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		fmt.Fprint(w, body)
	}).URL
}

// TestWhatComesBehindAFullPageIsSeen: the page itself is as it was.
func TestWhatComesBehindAFullPageIsSeen(t *testing.T) {
	for _, kind := range kinds {
		for _, bare := range []bool{true, false} {
			size := map[Kind]int{GitHub: githubPage, GitLab: gitlabPage, Gitea: giteaPage}[kind]
			var total atomic.Int64
			f := at(t, kind, pages(t, &total, size, bare))
			for _, n := range []int{size, size + 1, 2*size + 1, size} {
				total.Store(int64(n))
				list, err := f.PullRequests(t.Context(), "main")
				if err != nil || len(list) != n {
					t.Errorf("%s, bare %v: %d of %d pull requests, %v", kind, bare, len(list), n, err)
				}
			}
		}
	}
}

// TestTheNewestHeadersCount where a forge ends a page before it is full.
func TestTheNewestHeadersCount(t *testing.T) {
	for _, kind := range kinds {
		var total atomic.Int64
		f := at(t, kind, pages(t, &total, 2, false))
		for _, n := range []int{2, 3, 5, 2} {
			total.Store(int64(n))
			list, err := f.PullRequests(t.Context(), "main")
			if err != nil || len(list) != n {
				t.Errorf("%s: %d of %d pull requests, %v", kind, len(list), n, err)
			}
		}
	}
}
