// Package docs holds the documents to what they are about: the dependencies to
// go.mod, the links to what is there. It has tests only, and knows nothing of
// Tallyman; cmd/tallyman holds docs/output.md to what it prints.
package docs
