package secret

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"

	"filippo.io/age"
	"filippo.io/age/armor"
)

var (
	errDamaged = errors.New("is no age file, or is damaged")
	errNoMatch = errors.New("no key that is given opens it")
)

// decryptAge decrypts an age file, armored or not. Of the library's errors only
// the kind is kept.
func decryptAge(data []byte, ids []identity) ([]byte, error) {
	var in io.Reader = bytes.NewReader(data)
	if trimmed := bytes.TrimSpace(data); bytes.HasPrefix(trimmed, []byte(armor.Header)) {
		in = armor.NewReader(bytes.NewReader(append(trimmed, '\n')))
	}
	plain := make([]age.Identity, len(ids))
	for i, id := range ids {
		plain[i] = id.Identity
	}
	if len(plain) == 0 {
		return nil, errNoMatch
	}
	out, err := age.Decrypt(in, plain...)
	var none *age.NoIdentityMatchError
	switch {
	case errors.As(err, &none) && slices.Contains(none.StanzaTypes, "scrypt"):
		return nil, errors.New("is encrypted with a passphrase; encrypt it for an age recipient")
	case errors.As(err, &none):
		return nil, errNoMatch
	case err != nil:
		return nil, errDamaged
	}
	value, err := io.ReadAll(out)
	if err != nil {
		return nil, errDamaged
	}
	return value, nil
}

// wanting says which keys there are and which would be needed. An age file
// does not tell for whom it is, a SOPS file does.
func wanting(ids []identity, needed []string) string {
	var have []string
	for _, id := range ids {
		have = append(have, id.recipient)
	}
	text := errNoMatch.Error()
	if len(ids) == 0 {
		text = "no age key is given: name a file with --age-key-file, or put the key into TALLYMAN_AGE_KEY"
	}
	if len(needed) > 0 {
		text += "; it needs that of " + enumerate(needed)
	}
	if len(have) > 0 {
		text += "; given is that of " + enumerate(have)
	}
	if len(needed) == 0 && len(ids) > 0 {
		text += " (the file does not tell for whom it was encrypted)"
	}
	return text
}

// enumerate joins recipients. Those of post-quantum keys fill a screen, so all
// are cut.
func enumerate(recipients []string) string {
	const longest, most = 70, 8
	var out []string
	for i, r := range recipients {
		if i == most {
			out = append(out, "and more")
			break
		}
		r = printable(r)
		if len(r) > longest {
			r = r[:longest] + "…"
		}
		out = append(out, r)
	}
	return strings.Join(out, ", ")
}

// printable keeps what a recipient may consist of: it comes from the
// repository.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r > ' ' && r < 0x7f {
			return r
		}
		return '?'
	}, text)
}
