// Command docgen writes what is generated from the manifest types: the JSON
// Schemas in schemas/ and the reference docs/manifests.md. It is run in the
// root of the repository:
//
//	go run ./internal/docgen
//
// Names, rules and defaults come from the struct tags, by way of package
// shape; descriptions come from the doc comments. A test fails when the files
// in the repository are not what this command writes.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if err := run("."); err != nil {
		fmt.Fprintln(os.Stderr, "docgen:", err)
		os.Exit(1)
	}
}

// run writes all generated files below the root of the repository.
func run(root string) error {
	files, err := generate(root)
	if err != nil {
		return err
	}
	for name, data := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("make folder for %q: %w", name, err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			return fmt.Errorf("write file %q: %w", name, err)
		}
	}
	return nil
}

// generate makes the contents of all generated files, by their paths.
func generate(root string) (map[string][]byte, error) {
	docs, err := readComments(filepath.Join(root, "manifest"))
	if err != nil {
		return nil, err
	}
	files, err := schemas(docs)
	if err != nil {
		return nil, err
	}
	files["docs/manifests.md"] = reference(docs)
	return files, nil
}
