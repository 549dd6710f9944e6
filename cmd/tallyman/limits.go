package main

import (
	"errors"
	"fmt"

	"github.com/spf13/pflag"

	"github.com/tallyman-io/tallyman/git"
	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/manifest/shape"
)

// limits are how much a repository may make the reader do.
type limits struct {
	fileSize, fetchSize, objectSize size
	files, documents                int
}

func (l *limits) flags(f *pflag.FlagSet) {
	l.fileSize, l.fetchSize, l.objectSize = 1<<20, 2<<30, 100<<20
	f.Var(&l.fileSize, "max-file-size", "largest `SIZE` of a file that is read")
	f.IntVar(&l.files, "max-files", 10_000, "most files and folders below the path")
	f.IntVar(&l.documents, "max-documents", 100_000, "most manifests")
	f.Var(&l.fetchSize, "git-max-fetch-size", "largest `SIZE` of one answer of the remote")
	f.Var(&l.objectSize, "git-max-object-size", "largest `SIZE` of any file of the history, read or not")
}

func (l *limits) check() error {
	if l.files < 1 {
		return fmt.Errorf("read --max-files %d: must be at least 1", l.files)
	}
	if l.documents < 1 {
		return fmt.Errorf("read --max-documents %d: must be at least 1", l.documents)
	}
	return nil
}

func (l *limits) git() git.Limits {
	return git.Limits{
		MaxFileSize: int64(l.fileSize), MaxFiles: l.files, MaxFetchSize: int64(l.fetchSize), MaxObjectSize: int64(l.objectSize),
	}
}

func (l *limits) manifest() manifest.Options {
	return manifest.Options{MaxFileSize: int64(l.fileSize), MaxFiles: l.files, MaxDocuments: l.documents}
}

// size is a flag's number of bytes, written as in manifests.
type size manifest.Size

func (s *size) String() string {
	text, err := manifest.Size(*s).MarshalText()
	if err != nil {
		return ""
	}
	return string(text)
}

func (s *size) Set(text string) error {
	if !shape.FormatOf("size").Match(text) {
		return errors.New("must be a size such as 64MiB")
	}
	if err := (*manifest.Size)(s).UnmarshalText([]byte(text)); err != nil {
		return err
	}
	if *s < 1 {
		return errors.New("must be at least 1B")
	}
	return nil
}

func (*size) Type() string { return "size" }
