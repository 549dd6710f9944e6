package git

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// checkName refuses names that no honest repository has, or that mean
// something else to somebody further on. Git itself can store all of them.
func checkName(name string) error {
	switch {
	case name == "" || name == "." || name == "..":
		return fmt.Errorf("the name %q is not allowed", name)
	case !utf8.ValidString(name):
		return fmt.Errorf("the name %q is not UTF-8", name)
	case strings.ContainsAny(name, `/\`):
		return fmt.Errorf("the name %q contains a slash or backslash", name)
	case strings.ContainsFunc(name, isControl):
		return fmt.Errorf("the name %q contains control characters", name)
	case strings.EqualFold(name, ".git"):
		return fmt.Errorf("the name %q is Git's own", name)
	}
	return nil
}

// checkEntries looks over one directory. An entry that can't be named safely
// spoils the whole listing, because leaving it out would look like a removal.
func checkEntries(entries []object.TreeEntry) error {
	seen := make(map[string]bool, len(entries))
	for _, e := range entries {
		if err := checkName(e.Name); err != nil {
			return err
		}
		if seen[e.Name] {
			return fmt.Errorf("the name %q is there twice", e.Name)
		}
		seen[e.Name] = true
	}
	return nil
}

// readable says whether an entry is a plain file, and else what it is.
func readable(mode filemode.FileMode) error {
	switch mode {
	case filemode.Regular, filemode.Executable, filemode.Deprecated:
		return nil
	case filemode.Symlink:
		return errors.New("it is a symbolic link, and links are not followed")
	case filemode.Submodule:
		return errors.New("it is a submodule, and submodules are not fetched")
	}
	return fmt.Errorf("it has the unknown mode %o", uint32(mode))
}

// isLFSPointer tells the text that Git LFS commits in place of a large file.
func isLFSPointer(content []byte) bool {
	const longest = 1024
	text := string(content[:min(len(content), longest)])
	versioned := strings.HasPrefix(text, "version https://git-lfs.github.com/spec/") ||
		strings.HasPrefix(text, "version https://hawser.github.com/spec/")
	return len(content) < longest && versioned && strings.Contains(text, "\noid sha256:")
}
