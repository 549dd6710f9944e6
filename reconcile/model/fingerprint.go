package model

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// Fingerprint is the hash of everything that reaches a container and can't be
// changed in place. What is left out, and why: Adjustable, because it is
// compared with the live container and changed there; ImageID, because ids of
// one image differ between kinds of engine. The commit, the time and the
// trigger were never in it.
func Fingerprint(spec ContainerSpec) string {
	spec.Adjustable = Adjustable{}
	spec.ImageID = ""
	return Hash(spec)[:16]
}

// Hash is the hex SHA-256 of v's JSON form. encoding/json sorts map keys, so
// equal values have equal hashes.
func Hash(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic("model: hash of a value that has no JSON form: " + err.Error())
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// Digest is the name of a blob.
func Digest(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}
