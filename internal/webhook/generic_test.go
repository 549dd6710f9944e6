package webhook

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestWhatTheDocumentsPrintWorks runs the example as somebody would who copied it,
// but for the address, with and without a forge.
func TestWhatTheDocumentsPrintWorks(t *testing.T) {
	text, err := os.ReadFile("../../docs/forges.md")
	if err != nil {
		t.Fatal(err)
	}
	example := regexp.MustCompile("(?s)```sh\n(body=.*?)```").FindSubmatch(text)
	if example == nil {
		t.Fatal("docs/forges.md has no example any more")
	}
	const address = "https://tallyman.example.com/hook"
	script := string(example[1])
	if !strings.Contains(script, address) {
		t.Fatalf("the example sends to another address: %s", script)
	}
	for kind := range formats {
		for name, script := range map[string]string{
			"verbatim":               script,
			"without a content type": strings.ReplaceAll(script, "-H 'Content-Type: application/json' ", ""),
		} {
			h := handler(t, kind)
			server := httptest.NewServer(h)
			cmd := exec.Command("sh", "-e", "-c", strings.ReplaceAll(script, address, server.URL+"/hook"))
			cmd.Dir = filepath.Dir(h.config.SecretFile)
			out, err := cmd.CombinedOutput()
			server.Close()
			if got := h.Take(); err != nil || !slices.Equal(got, []Hint{push}) {
				t.Errorf("%s, %s: look at %+v, %v\n%s", kind, name, got, err, out)
			}
		}
	}
}

// TestAGenericMessageProvesItself beside a forge too: neither the forge's signature
// nor its own of before stands for it.
func TestAGenericMessageProvesItself(t *testing.T) {
	const body = `{"repository":"acme/shop","pullRequest":7}`
	for kind := range formats {
		h := handler(t, kind)
		forged := sign(kind, body)
		forged.Header.Set("X-Tallyman-Signature", "sha256="+sum(body))
		if status := send(h, forged); status != http.StatusUnauthorized {
			t.Errorf("%s: one that the forge's signature stands for: answered %d", kind, status)
		}
		late := sign(Generic, body)
		late.Header.Set("X-Tallyman-Timestamp", "1700000000")
		if status := send(h, late); status != http.StatusUnauthorized {
			t.Errorf("%s: one of another time: answered %d", kind, status)
		}
		first := sign(Generic, body)
		again := sign(Generic, body)
		again.Header = first.Header
		send(h, first)
		if got := h.Take(); !slices.Equal(got, []Hint{{Repository: "acme/shop", PullRequest: 7}}) {
			t.Errorf("%s: look at %+v", kind, got)
		}
		if status := send(h, again); status != http.StatusAccepted || h.Take() != nil {
			t.Errorf("%s: the same again counts: answered %d", kind, status)
		}
	}
}
