// Package sshconn connects to ssh servers as the ssh command does, in this
// process: with the aliases of ~/.ssh/config, keys from files and the agent,
// and known_hosts, which can't be switched off. Whoever could answer for a host
// would be root on it.
//
// Conn is one connection to a server that lasts: it is made when it is first
// needed, made again when it breaks, and carries any number of channels to unix
// sockets at the other end. Login is the part of it that Git over ssh needs too.
//
// It knows nothing of Docker, Git, hosts and manifests. No error of its holds a
// key or a passphrase.
package sshconn
