package main

import (
	"fmt"
	"os"

	"github.com/tallyman-io/tallyman/internal/secret"
	"github.com/tallyman-io/tallyman/internal/signature"
)

// The variables in which keys are given: our own, and those that people who
// use SOPS have set already.
const (
	ageKeyVariable      = "TALLYMAN_AGE_KEY"
	sopsKeyVariable     = "SOPS_AGE_KEY"
	sopsKeyFileVariable = "SOPS_AGE_KEY_FILE"
)

// secrets is what opens secrets. The keys are read when there are some.
func (a *app) secrets() *secret.Opener {
	sopsFile, _ := a.lookupEnv(sopsKeyFileVariable)
	return secret.NewOpener(secret.Keys{
		Variables: []string{ageKeyVariable, sopsKeyVariable},
		Paths:     []string{a.global.ageKeyFile, sopsFile},
		LookupEnv: a.lookupEnv,
	})
}

// signers are whom the installation allows to sign commits, read again each time:
// whoever is taken off the list signs no more.
func (a *app) signers() (signature.Signers, error) {
	file := a.global.allowedSigners
	if file == "" {
		return signature.Signers{}, nil
	}
	list, err := os.ReadFile(file)
	if err != nil {
		return signature.Signers{}, fmt.Errorf("read --allowed-signers: %w", err)
	}
	signers, err := signature.Parse(string(list))
	if err != nil {
		return signers, fmt.Errorf("read --allowed-signers %q: %w", file, err)
	}
	return signers, nil
}
