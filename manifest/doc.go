// Package manifest turns a tree of files into typed documents, or into every
// error at once, each with its file, line, column and path.
//
// It is strict: an unknown field, a wrong type, a duplicate key or name, or a
// reference to nothing is an error, and one error refuses the whole tree, so
// that a typo can never look like a removal. Every YAML document below the
// root must be a manifest; hidden files and folders are skipped, and
// .tallymanignore names other exceptions.
//
// The struct of each kind is the single source of its rules: the decoder, the
// JSON Schemas in package schemas and the written reference all read its doc
// comments and, through package shape, its tags.
//
// The package knows nothing of Git or Docker. It reads an fs.FS, and what it
// says about containers is only how they are described.
package manifest
