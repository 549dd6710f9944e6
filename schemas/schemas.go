// Package schemas holds the JSON Schema (2020-12) of every kind of manifest,
// for editors and for `tallyman schema`. The files are generated from the types
// in package manifest, which remains the judge: it also sees what no schema can
// express, such as names that refer to nothing.
package schemas

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
)

//go:generate sh -c "cd .. && go run ./internal/docgen"

//go:embed *.json
var files embed.FS

// Any is the name of the schema that fits a manifest of any kind.
const Any = "Manifest"

// Kinds are the kinds that have a schema, sorted; Any is not among them.
func Kinds() []string {
	return []string{"App", "Config", "Fleet", "Host", "ImagePolicy", "Job", "Network", "Notification", "Policy", "Secret", "Service", "Volume"}
}

// For gives the schema of a kind, or of Any. Upper and lower case are alike.
func For(kind string) ([]byte, error) {
	for _, known := range append(Kinds(), Any) {
		if strings.EqualFold(known, kind) {
			return fs.ReadFile(files, strings.ToLower(known)+".json")
		}
	}
	return nil, fmt.Errorf("find schema of kind %q: there are %s", kind, strings.Join(Kinds(), ", "))
}
