package main

import "github.com/tallyman-io/tallyman/internal/secret"

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
