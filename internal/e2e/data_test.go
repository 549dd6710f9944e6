package e2e

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/client"
)

// datum is a file on the volume of `database`.
const datum = "datum"

// put writes into the volume of a container of `database`.
func put(t *testing.T, c *client.Client, id, content string) {
	t.Helper()
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	if err := w.WriteHeader(&tar.Header{Name: datum, Mode: 0o644, Size: int64(len(content)), ModTime: time.Unix(0, 0)}); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.CopyToContainer(context.Background(), id, "/data", &archive, container.CopyToContainerOptions{}); err != nil {
		t.Fatalf("write to the volume: %v", err)
	}
}

// read reads what put has written; an error is what is read then.
func read(t *testing.T, c *client.Client, id string) string {
	t.Helper()
	archive, _, err := c.CopyFromContainer(context.Background(), id, "/data/"+datum)
	if err != nil {
		return err.Error()
	}
	defer archive.Close()
	r := tar.NewReader(archive)
	if _, err := r.Next(); err != nil {
		return err.Error()
	}
	content, err := io.ReadAll(r)
	if err != nil {
		return err.Error()
	}
	return string(content)
}
