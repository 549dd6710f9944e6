package webhook

import (
	"net/http"
	"slices"
	"testing"
	"time"
)

// TestARefusedMessageIsToldOf: with the reason and the sender, of each kind once a
// minute, and never what the sender has made up.
func TestARefusedMessageIsToldOf(t *testing.T) {
	h := handler(t, GitHub)
	now := time.Unix(1000, 0)
	h.now = func() time.Time { return now }
	var told []Refusal
	h.config.Refused = func(r Refusal) { told = append(told, r) }
	forged := func(from string) {
		r := sign(GitHub, pushGitHub)
		r.Header.Set("X-Hub-Signature-256", "sha256="+sum("another"))
		r.RemoteAddr = from
		if code := send(h, r); code != http.StatusUnauthorized {
			t.Fatalf("it is answered with %d", code)
		}
	}
	for range 5 {
		forged("192.0.2.7:4711")
	}
	now = now.Add(tellEvery)
	forged("[fe80::1%\x1b[31m]:1")
	forged("\x1b[31m")
	other := `{"ref":"refs/heads/main","repository":{"full_name":"acme/other"}}`
	if code := send(h, sign(GitHub, other)); code != http.StatusForbidden {
		t.Fatalf("it is answered with %d", code)
	}
	if code := send(h, sign(GitHub, pushGitHub)); code != http.StatusAccepted {
		t.Fatalf("it is answered with %d", code)
	}
	want := []Refusal{
		{401, reasons[401], "192.0.2.7", 0},
		{401, reasons[401], "fe80::1", 4},
		{403, reasons[403], "192.0.2.1", 0},
	}
	if !slices.Equal(told, want) || h.Refused() != 8 {
		t.Errorf("of %d refused ones it was told %+v, want %+v", h.Refused(), told, want)
	}
}
