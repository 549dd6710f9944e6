package main

import (
	"fmt"
	"os"
)

// warnOfReadable tells of files with secrets that others than their owner may use.
// Age keys of such files are refused; these are not, because what mounts a token into
// a container commonly leaves it readable for all there.
func (w *forgeWork) warnOfReadable() {
	for _, f := range []struct{ flag, path string }{
		{"--forge-token-file", w.flags.tokenFile}, {"--forge-app-key-file", w.flags.app.KeyFile},
		{"--webhook-secret-file", w.flags.webhook.secretFile}, {"--webhook-tls-key", w.flags.webhook.key},
		{"--git-token-file", w.global.gitTokenFile}, {"--git-password-file", w.global.gitPasswordFile},
	} {
		if f.path == "" {
			continue
		}
		info, err := os.Stat(f.path)
		if err == nil && info.Mode().Perm()&0o077 != 0 { // who needs the file says why it can't be had
			w.log.Warn("others than its owner may use a file with a secret; chmod 600 it", "flag", f.flag, "file", f.path, "mode", fmt.Sprintf("%04o", info.Mode().Perm()))
		}
	}
}
