package git

import (
	"bytes"
	"errors"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/tallyman-io/tallyman/internal/signature"
)

// Signed is a commit as it was signed: its bytes without the signature's own
// header, from which nothing was read and written again.
func (r *Repository) Signed(id string) (signature.Signed, error) {
	hash, err := parseID(id)
	if err != nil {
		return signature.Signed{}, r.fail("read signature of", id, err)
	}
	c, err := r.mirror.commit(hash)
	if err != nil {
		return signature.Signed{}, r.fail("read signature of", id, err)
	}
	raw, err := r.mirror.read(plumbing.CommitObject, hash, maxMetaSize)
	if err != nil {
		return signature.Signed{}, r.fail("read signature of", id, err)
	}
	signed, err := splitSignature(raw)
	signed.Time = c.Committer.When
	return signed, r.fail("read signature of", id, err)
}

// splitSignature takes the header gpgsig, whatever made it, out of a commit; the
// lines that go on with a header begin with a space.
func splitSignature(raw []byte) (signature.Signed, error) {
	var payload, sig []byte
	inside, found := false, 0
	for rest := raw; len(rest) > 0; {
		line, after, _ := bytes.Cut(rest, []byte("\n"))
		whole := rest[:len(rest)-len(after)]
		if len(line) == 0 { // the message
			payload = append(payload, rest...)
			break
		}
		rest = after
		value, begins := bytes.CutPrefix(line, []byte("gpgsig "))
		switch {
		case begins:
			inside, sig = true, append(sig, append(value, '\n')...)
			found++
		case inside && line[0] == ' ':
			sig = append(sig, append(line[1:], '\n')...)
		default:
			inside = false
			payload = append(payload, whole...)
		}
	}
	if found > 1 {
		return signature.Signed{}, errors.New("the commit has two signatures")
	}
	return signature.Signed{Payload: payload, Signature: string(sig)}, nil
}
