package main

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/tallyman-io/tallyman/git"
	"github.com/tallyman-io/tallyman/internal/edit"
	"github.com/tallyman-io/tallyman/internal/feedback"
	"github.com/tallyman-io/tallyman/manifest"
)

// How a commit is reverted that an app went back from.
const (
	revertAsk  = "pull-request"
	revertPush = "push"
)

// reverts says whether somebody reverts at all.
func (w *forgeWork) reverts() bool { return w.repo != nil }

func (w *forgeWork) openForReverts(simulated bool) (err error) {
	switch how := w.flags.revert; {
	case how != revertAsk && how != revertPush:
		return fmt.Errorf("--revert %q: say %s or %s", how, revertAsk, revertPush)
	case how == revertPush && simulated:
		return errors.New("--simulate can't be used with --revert push: commits that ran nowhere would be reverted")
	case how == revertAsk && w.forge == nil:
		return nil
	}
	w.repo, err = git.Open(w.gitConfig(mirrorDir(w.global.stateDir)))
	return err
}

func (w *forgeWork) newReverter() *feedback.Reverts {
	v := &feedback.Reverts{
		Controller: w.controller, Journal: w.journal, Branch: w.branch(), Signers: w.signers, Log: w.log,
		Edit: edit.Rollback{
			Repository: w.repo, Loader: manifest.NewLoader(w.global.limits.manifest()), Path: w.global.path,
			By: git.Signature{Name: "Tallyman", Email: cmp.Or(whoami(), "tallyman")},
		},
	}
	if w.flags.revert == revertAsk {
		v.Forge = w.forge
	}
	return v
}
