package registry

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestTheTagsOfARepository(t *testing.T) {
	reg := guarded(t)
	for _, tag := range []string{"1.4.2", "1.5.0", "latest"} {
		push(t, reg.Ref("shop/web:"+tag), ada())
	}
	push(t, reg.Ref("shop/other:9"), ada())
	r, _ := resolver(t)
	tags, err := r.Tags(t.Context(), reg.Ref("shop/web"), user("ada", secret))
	slices.Sort(tags)
	if err != nil || strings.Join(tags, " ") != "1.4.2 1.5.0 latest" {
		t.Errorf("got %v, %v", tags, err)
	}
	if _, err := r.Tags(t.Context(), reg.Ref("shop/none"), user("ada", secret)); ClassOf(err) != NotFound {
		t.Errorf("of none: %v", err)
	}
	if _, err := r.Tags(t.Context(), reg.Ref("shop/web"), user("ada", "wrong-password")); ClassOf(err) != Denied || strings.Contains(err.Error(), "wrong-password") {
		t.Errorf("with a wrong password: %v", err)
	}
}

// paging answers with pages of one tag each, until last.
func paging(t *testing.T, next func(n int) string, tags func(n int) string) (*front, *int) {
	pages := 0
	return answering(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		if !strings.Contains(r.URL.Path, "/tags/list") {
			return
		}
		pages++
		if link := next(pages); link != "" {
			w.Header().Set("Link", "<"+link+">; rel=\"next\"")
		}
		fmt.Fprintf(w, `{"tags": [%s]}`, tags(pages))
	}), &pages
}

func TestTagsComeInPages(t *testing.T) {
	one := func(n int) string { return fmt.Sprintf("%q", fmt.Sprintf("1.%d", n)) }
	until := func(last int) func(int) string {
		return func(n int) string {
			if n == last {
				return ""
			}
			return fmt.Sprintf("/v2/web/tags/list?last=%d", n)
		}
	}
	r, _ := resolver(t)
	f, pages := paging(t, until(3), one)
	if tags, err := r.Tags(t.Context(), f.ref("web"), nil); err != nil || strings.Join(tags, " ") != "1.1 1.2 1.3" || *pages != 3 {
		t.Errorf("got %v in %d pages, %v", tags, *pages, err)
	}
	f, _ = paging(t, func(int) string { return "/v2/web/tags/list?last=1" }, one)
	if tags, err := r.Tags(t.Context(), f.ref("web"), nil); err == nil {
		t.Errorf("in a circle: %v", tags)
	}
	f, _ = paging(t, until(1), func(int) string { return `"ok", "-no", "a b", "x\ny", ""` })
	if tags, err := r.Tags(t.Context(), f.ref("web"), nil); err != nil || strings.Join(tags, " ") != "ok" {
		t.Errorf("of what is no tag: %q, %v", tags, err)
	}
	f, _ = paging(t, until(-1), func(n int) string {
		var many []string
		for i := range 5000 {
			many = append(many, fmt.Sprintf(`"%d-%d"`, n, i))
		}
		return strings.Join(many, ",")
	})
	if _, err := r.Tags(t.Context(), f.ref("web"), nil); err == nil || !strings.Contains(err.Error(), "more than 20000 tags") {
		t.Errorf("without an end: %v", err)
	}
}

func TestARegistryThatWantsRestIsNotAskedForTags(t *testing.T) {
	asked := 0
	f := answering(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		asked++
		if strings.Contains(r.URL.Path, "/tags/list") {
			w.Header().Set("Retry-After", "600")
			w.WriteHeader(http.StatusTooManyRequests)
		}
	})
	r, _ := resolver(t)
	for range 3 {
		if _, err := r.Tags(t.Context(), f.ref("web"), nil); ClassOf(err) != RateLimited {
			t.Fatal(err)
		}
	}
	if asked != 1 {
		t.Errorf("it was asked %d times", asked)
	}
}
