// Package forge speaks to the places where people review changes: GitHub,
// GitLab, Gitea and Forgejo. It lists pull requests, sets the status of a
// commit, keeps one comment of ours per pull request, remarks on lines, and
// opens pull requests.
//
// What to do is decided once, in client.go and annotate.go; the adapters
// (github.go, gitlab.go, gitea.go) only say how a forge does one thing of it,
// by its own SDK. All of them go the same way to the network (wire.go), which
// holds what must be true of each request: the token goes to the forge alone,
// a rate limit is honoured, an answer has a size.
//
// An answer that can't be read is an error, never "no pull requests".
//
// It knows nothing of manifests, plans and hosts, and no token leaves it in an
// error.
package forge
