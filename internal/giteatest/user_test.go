package giteatest

import "testing"

// TestATokenAmongTheLinesOfALog: which of the two comes first is a matter of luck.
func TestATokenAmongTheLinesOfALog(t *testing.T) {
	const (
		token = "3a12883749fc8bfd622accd2d38d665900d72933\n"
		log   = "2026/11/29 03:17:48 modules/setting/setting.go:181:loadRunModeFrom() [E] You are running Gitea using the root user.\n"
	)
	for _, out := range []string{token, log + token, token + log, log + token + log} {
		if got, err := tokenIn(out); err != nil || got+"\n" != token {
			t.Errorf("the token is %q, %v, of:\n%s", got, err, out)
		}
	}
	for _, out := range []string{"", log, token + token} {
		if got, err := tokenIn(out); err == nil {
			t.Errorf("the token is %q of:\n%s", got, out)
		}
	}
}
