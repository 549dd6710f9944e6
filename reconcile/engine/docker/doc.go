// Package docker is the engine port over the Docker Engine API, and the only
// package that imports its client.
//
// Reading. Observe makes one list call per pass. What the list shows (state,
// health, name, networks) is always current; the rest comes from an inspect
// that is kept until there is a reason to look again: the list shows something
// else than when it was made, an event named the container, an op of ours
// touched it, or a resync is asked for. So a host on which nothing happens
// costs one list call, and nothing can stay hidden for longer than a resync.
// Networks, volumes and images are kept too, but only while the event stream
// is up to say when they change.
//
// Normal form. A live container is reported as the spec that it was made
// from: what the engine fills in by itself (64 MiB of shared memory, its log
// driver, the host name from the id, the default bridge, anonymous volumes of
// the image) reads as "not asked for", lists without an order are sorted, and
// what comes from the image stays in, because Container.Image says what the
// image gives. Two of those readings can't tell a default from the same value
// asked for: a shared memory of 64 MiB and the engine's own log driver without
// options. A comparison has to take these for "not asked for" on its own side
// as well, and likewise the restart policy "no".
//
// Writing. Do performs one op and can be repeated after a crash at any point
// of it. It looks at the container's labels first and refuses to touch one
// that is not the one meant.
//
// The package decides nothing, and knows nothing of manifests, plans and
// rollouts. No error it returns holds the value of an environment variable.
package docker
