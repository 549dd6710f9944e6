package hooksign

import "testing"

// TestTheSignatureIsWhatTheDocumentsSay: others compute it too. The sum is of
//
//	printf '%s.%s' 1700000000 '{"a":1}' | openssl dgst -sha256 -hmac 0123456789abcdef
func TestTheSignatureIsWhatTheDocumentsSay(t *testing.T) {
	const want = "sha256=9eb18f493f8ec135d9eb2dad817c369bb4e9cbfa818657897a7437c1cd8c3a23"
	if got := Sign([]byte("0123456789abcdef"), "1700000000", []byte(`{"a":1}`)); got != want {
		t.Errorf("signed with %s, want %s", got, want)
	}
}
