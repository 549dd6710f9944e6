package secret

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/desired"
)

// Opener decrypts the secrets of a revision.
type Opener struct{ keys Keys }

// NewOpener makes an Opener. It reads no key before there is something to
// decrypt.
func NewOpener(keys Keys) *Opener { return &Opener{keys} }

// Open decrypts all secrets of a set, or says of each one why it can't be: a
// revision is taken whole or not at all. The error is a manifest.Errors when it
// is the secrets that can't be opened.
func (o *Opener) Open(set *manifest.Set, owner string) (desired.Secrets, error) {
	if len(set.Secrets) == 0 {
		return desired.Secrets{}, nil
	}
	ids, err := o.keys.read()
	if err != nil {
		return desired.Secrets{}, err
	}
	out := desired.Secrets{Values: map[string]map[string][]byte{}}
	var errs manifest.Errors
	for _, s := range set.Secrets {
		values, failed := open(s, ids)
		errs = append(errs, failed...)
		out.Values[s.Metadata.Name] = values
	}
	if len(errs) == 0 {
		errs = unusable(set, out.Values)
	}
	if len(errs) > 0 {
		return desired.Secrets{}, errs
	}
	out.Key, err = digestKey(ids, owner)
	return out, err
}

// open decrypts one secret.
func open(s *manifest.Secret, ids []identity) (map[string][]byte, manifest.Errors) {
	if file, ok := s.SOPS(); ok {
		values, err := openSOPS(file, ids)
		if err != nil {
			return nil, manifest.Errors{problem(s, file, err)}
		}
		return values, nil
	}
	values := map[string][]byte{}
	var errs manifest.Errors
	sealed := s.Age()
	for _, key := range slices.Sorted(maps.Keys(sealed)) {
		value, err := decryptAge(sealed[key].Data, ids)
		if errors.Is(err, errNoMatch) {
			err = errors.New(wanting(ids, nil))
		}
		if err != nil {
			errs = append(errs, problem(s, sealed[key], err))
		}
		values[key] = value
	}
	return values, errs
}

// problem says what of a secret can't be decrypted, with the place of the field
// that it is in.
func problem(s *manifest.Secret, what manifest.Sealed, err error) *manifest.Error {
	message := fmt.Sprintf("decrypt secret %q: %v", s.Metadata.Name, err)
	if what.File != s.File {
		message = fmt.Sprintf("decrypt secret %q, file %q: %v", s.Metadata.Name, what.File, err)
	}
	return &manifest.Error{File: s.File, Line: what.Field.Line, Col: what.Field.Col, Path: what.Field.Path, Message: message}
}
