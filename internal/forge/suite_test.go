package forge_test

import (
	"testing"

	"github.com/tallyman-io/tallyman/internal/forge/forgetest"
)

func TestGitHub(t *testing.T) { forgetest.Run(t, forgetest.GitHub) }

func TestGitLab(t *testing.T) { forgetest.Run(t, forgetest.GitLab) }
