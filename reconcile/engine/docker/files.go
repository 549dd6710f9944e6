package docker

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// maxFile bounds what is read back of a file; manifests allow less, so a
// larger one is another one, whatever is in it.
const maxFile = 4 << 20

// filePaths reads the label that lists a container's files, one per line.
func filePaths(labels map[string]string) []string {
	if labels[model.LabelFiles] == "" {
		return nil
	}
	return strings.Split(labels[model.LabelFiles], "\n")
}

// filesLabel lists the paths of files, one per line.
func filesLabel(files []model.File) string {
	paths := make([]string, 0, len(files))
	for _, f := range files {
		paths = append(paths, f.Path)
	}
	slices.Sort(paths)
	return strings.Join(paths, "\n")
}

// readFiles reports files as they are in the container now. One that is gone,
// or is no regular file any more, is left out.
func (e *Engine) readFiles(ctx context.Context, raw *container.InspectResponse, h *hidden) ([]model.File, error) {
	var files []model.File
	for _, p := range filePaths(raw.Config.Labels) {
		f, content, err := e.readFile(ctx, raw.ID, p)
		switch {
		case errdefs.IsNotFound(err):
			// Either the file or the container; the next list tells.
		case err != nil:
			return nil, fmt.Errorf("read file %q: %w", p, err)
		case f != nil:
			if content != nil {
				f.Digest, f.Secret = h.digest(p, content)
			}
			files = append(files, *f)
		}
	}
	slices.SortFunc(files, func(a, b model.File) int { return cmp.Compare(a.Path, b.Path) })
	return files, nil
}

// readFile reads a file without its digest, and its content unless that is
// larger than any of ours.
func (e *Engine) readFile(ctx context.Context, id, p string) (*model.File, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, e.timeouts.Inspect)
	defer cancel()
	archive, _, err := e.api().CopyFromContainer(ctx, id, p)
	if err != nil {
		return nil, nil, err
	}
	defer archive.Close()
	r := tar.NewReader(archive)
	header, err := r.Next()
	if err != nil || header.Typeflag != tar.TypeReg {
		return nil, nil, err
	}
	f := &model.File{Path: p, Mode: uint32(header.Mode) & 0o7777, UID: header.Uid, GID: header.Gid}
	if header.Size > maxFile {
		return f, nil, nil
	}
	content, err := io.ReadAll(r)
	return f, content, err
}

// copyFiles writes files into a container that has not been started. In one
// that has, they must be there already: this op was done before.
func (e *Engine) copyFiles(ctx context.Context, op model.CopyFiles, blobs model.Blobs) error {
	return e.with(ctx, op.Target, func(ctx context.Context, raw container.InspectResponse) error {
		if raw.State.Status != container.StateCreated {
			return e.filesThere(ctx, raw.ID, op.Files, blobs)
		}
		archive, err := e.pack(ctx, raw.ID, op.Files, blobs)
		if err != nil {
			return err
		}
		return e.api().CopyToContainer(ctx, raw.ID, "/", archive, container.CopyToContainerOptions{})
	})
}

// filesThere compares contents and not digests: those of secrets take a key.
func (e *Engine) filesThere(ctx context.Context, id string, want []model.File, blobs model.Blobs) error {
	for _, f := range want {
		there, content, err := e.readFile(ctx, id, f.Path)
		if err != nil && !errdefs.IsNotFound(err) {
			return err
		}
		if there != nil {
			there.Digest, there.Secret = f.Digest, f.Secret
		}
		if there == nil || *there != f || content == nil || !bytes.Equal(content, blobs[f.Digest]) {
			return conflict(fmt.Sprintf("the container has been started without file %q", f.Path))
		}
	}
	return nil
}

// pack makes the archive that is unpacked at the container's root. Folders
// that are missing are in it, because some engines would make them writable
// for everybody; folders that exist are not, so they stay as the image has
// them.
func (e *Engine) pack(ctx context.Context, id string, files []model.File, blobs model.Blobs) (io.Reader, error) {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	folders := map[string]bool{"/": true}
	for _, f := range files {
		content, ok := blobs[f.Digest]
		if !ok {
			return nil, invalid(fmt.Sprintf("the content of file %q is not at hand", f.Path))
		}
		missing, err := e.missingFolders(ctx, id, path.Dir(f.Path), folders)
		if err != nil {
			return nil, err
		}
		if err := packFile(w, f, missing, content); err != nil {
			return nil, err
		}
	}
	return &buf, w.Close()
}

func packFile(w *tar.Writer, f model.File, missing []string, content []byte) error {
	for _, folder := range missing {
		header := tar.Header{Typeflag: tar.TypeDir, Name: strings.TrimPrefix(folder, "/") + "/", Mode: 0o755}
		if err := w.WriteHeader(&header); err != nil {
			return err
		}
	}
	header := tar.Header{
		Typeflag: tar.TypeReg, Name: strings.TrimPrefix(path.Clean(f.Path), "/"),
		Mode: int64(f.Mode), Uid: f.UID, Gid: f.GID, Size: int64(len(content)),
	}
	if err := w.WriteHeader(&header); err != nil {
		return err
	}
	_, err := w.Write(content)
	return err
}

// missingFolders are dir and those above it that the container lacks, the
// uppermost first. What is known to exist, or to be in the archive, is
// remembered in known.
func (e *Engine) missingFolders(ctx context.Context, id, dir string, known map[string]bool) ([]string, error) {
	var missing []string
	for ; !known[dir]; dir = path.Dir(dir) {
		known[dir] = true
		_, err := e.api().ContainerStatPath(ctx, id, dir)
		if err == nil {
			break
		}
		if !errdefs.IsNotFound(err) {
			return nil, err
		}
		missing = append(missing, dir)
	}
	slices.Reverse(missing)
	return missing, nil
}
