package forge

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
)

const (
	maxEtags  = 256
	maxCached = 256 << 10 // bytes of one answer
)

// etags asks only for what changed. GitHub does not count a request that is
// answered with "not modified".
//
// A tag is of the body, while where a list goes on is in the headers: when
// something is added behind a full page, that one has "not modified". So no
// full page of a list is kept, and of others the newest headers count.
type etags struct {
	next http.RoundTripper

	mu   sync.Mutex
	kept map[string]kept
}

type kept struct {
	etag   string
	header http.Header
	body   []byte
}

// RoundTrip implements http.RoundTripper.
func (e *etags) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Method != http.MethodGet {
		return e.next.RoundTrip(request)
	}
	key := request.URL.String() + "\x00" + request.Header.Get("Accept")
	had, found := e.get(key)
	if found {
		request = request.Clone(request.Context())
		request.Header.Set("If-None-Match", had.etag)
	}
	answer, err := e.next.RoundTrip(request)
	switch {
	case err != nil:
		return nil, err
	case found && answer.StatusCode == http.StatusNotModified:
		return had.answer(answer), nil
	case answer.StatusCode == http.StatusOK && answer.Header.Get("ETag") != "":
		return answer, e.put(key, answer)
	}
	return answer, nil
}

// answer is what was kept, as if it had just come.
func (k kept) answer(now *http.Response) *http.Response {
	_ = now.Body.Close()
	out := *now
	out.StatusCode, out.Status = http.StatusOK, "200 OK"
	out.Header = k.header.Clone()
	for name, values := range now.Header {
		switch name { // what says how the body that is kept was sent stays
		case "Content-Length", "Content-Encoding", "Content-Type":
		default:
			out.Header[name] = values
		}
	}
	out.ContentLength = int64(len(k.body))
	out.Body = io.NopCloser(bytes.NewReader(k.body))
	return &out
}

func (e *etags) get(key string) (kept, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	k, found := e.kept[key]
	return k, found
}

// put keeps an answer, whose body it reads and puts back. When there are
// enough of them all are forgotten: what is asked for often is soon back.
func (e *etags) put(key string, answer *http.Response) error {
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	if len(body) > maxCached || fullPage(answer.Request.URL.Query(), body) {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.kept == nil || len(e.kept) >= maxEtags {
		e.kept = map[string]kept{}
	}
	e.kept[key] = kept{answer.Header.Get("ETag"), answer.Header.Clone(), body}
	return nil
}

// fullPage says that a list may go on behind what is in the body.
func fullPage(asked url.Values, body []byte) bool {
	var list []json.RawMessage
	if json.Unmarshal(body, &list) != nil {
		return false // no list
	}
	size, err := strconv.Atoi(cmp.Or(asked.Get("per_page"), asked.Get("limit")))
	return err != nil || len(list) >= size
}
