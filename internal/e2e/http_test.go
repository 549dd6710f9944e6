package e2e

import (
	"io"
	"net/http"
	"testing"
	"time"
)

// get reads a page, and tries again while the server comes up.
func get(t *testing.T, url string) string {
	t.Helper()
	var last error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		response, err := http.Get(url)
		if err != nil {
			last = err
			continue
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err == nil && response.StatusCode == http.StatusOK {
			return string(body)
		}
		last = err
	}
	t.Fatalf("get %s: %v", url, last)
	return ""
}
