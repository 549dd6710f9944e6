// Package hooksign is how messages of Tallyman's own format are signed: those
// that it sends and those that it takes, so that one may be sent to another.
package hooksign

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
)

// The headers of a signed message. The timestamp is in seconds since 1970.
const (
	HeaderSignature = "X-Tallyman-Signature"
	HeaderTimestamp = "X-Tallyman-Timestamp"
)

// Sign is the signature of a body that was sent at a time, `sha256=` and hex
// digits: HMAC-SHA256 over the timestamp, a dot and the body.
func Sign(secret []byte, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(timestamp + "."))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}
