package git

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// The files besides objects. The layout is Git's own, so that git can be
// pointed at a mirror to look into it.
const (
	headContent   = "ref: " + string(tipRef) + "\n"
	configContent = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n"
	sourceFile    = "tallyman-source" // the identity of what it mirrors
)

// create makes an empty mirror where nothing is.
func (m *mirror) create() error {
	for _, dir := range []string{"objects/pack", "refs/heads", "refs/tags", keepDir} {
		if err := os.MkdirAll(filepath.Join(m.dir, filepath.FromSlash(dir)), privateDir); err != nil {
			return fmt.Errorf("make mirror: %w", err)
		}
	}
	for name, content := range map[string]string{"HEAD": headContent, "config": configContent, sourceFile: m.identity + "\n"} {
		if err := writeFile(filepath.Join(m.dir, name), content); err != nil {
			return err
		}
	}
	return nil
}

// sound says why the mirror must be rebuilt, or nil. It is looked over once
// after the start and after a fetch that failed; else a read that fails speaks up
// by itself. The writers'
// lock is held.
func (m *mirror) sound() error {
	checked, err := m.verdict()
	if checked || err != nil {
		return err
	}
	m.reopen()
	for _, check := range []func() error{m.checkFiles, m.checkPacks, m.checkTip} {
		if err := check(); err != nil {
			return err
		}
	}
	m.sweep()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.checked = true
	return nil
}

func (m *mirror) verdict() (checked bool, err error) {
	tip := m.tip()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.suspect != nil && m.rebuilt == tip && !tip.IsZero() {
		m.suspect = nil // another rebuild, with every poll, would bring the same
	}
	return m.checked, m.suspect
}

// recheck has the mirror looked over with the next fetch.
func (m *mirror) recheck() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.checked = false
}

// doubt has the mirror rebuilt with the next fetch, because of err.
func (m *mirror) doubt(err error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.suspect = err
	return err
}

func (m *mirror) checkFiles() error {
	for name, want := range map[string]string{"HEAD": headContent, sourceFile: m.identity + "\n"} {
		got, err := os.ReadFile(filepath.Join(m.dir, name))
		if err != nil || string(got) != want {
			return fmt.Errorf("check mirror: %s is missing or not as it was written", name)
		}
	}
	return nil
}

// checkPacks compares the end of each pack with the checksum in its name,
// which finds one that was cut short; each object is checked again as it is
// read.
func (m *mirror) checkPacks() error {
	packs, err := filepath.Glob(filepath.Join(m.dir, "objects", "pack", "pack-*.pack"))
	if err != nil {
		return err
	}
	for _, pack := range packs {
		sum := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(pack), "pack-"), ".pack")
		if err := endsWith(pack, plumbing.NewHash(sum)); err != nil {
			return fmt.Errorf("check mirror: pack %s: %w", sum, err)
		}
	}
	return nil
}

func endsWith(name string, sum plumbing.Hash) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read from
	end := make([]byte, len(sum))
	if _, err := f.Seek(-int64(len(end)), io.SeekEnd); err != nil {
		return err
	}
	if _, err := io.ReadFull(f, end); err != nil {
		return err
	}
	if !bytes.Equal(end, sum[:]) {
		return errors.New("cut short or overwritten")
	}
	return nil
}

// checkTip reads the last target, through to its root directory.
func (m *mirror) checkTip() error {
	tip := m.tip()
	if tip.IsZero() {
		return errors.New("check mirror: no target recorded")
	}
	c, err := m.commit(tip)
	if err != nil {
		return fmt.Errorf("check mirror: %w", err)
	}
	_, err = m.read(plumbing.TreeObject, c.TreeHash, maxMetaSize)
	return err
}

// sweep removes what interrupted writes left. The writers' lock is held.
func (m *mirror) sweep() {
	for _, pattern := range []string{"incoming-*", "objects/pack/tmp_pack_*", "refs/heads/incoming-*", keepDir + "/incoming-*"} {
		leftovers, _ := filepath.Glob(filepath.Join(m.dir, filepath.FromSlash(pattern)))
		for _, name := range leftovers {
			_ = os.Remove(name)
		}
	}
}

// replaceWith puts another mirror in this one's place. Killed in between, the
// mirror is simply missing, and built again.
func (m *mirror) replaceWith(fresh *mirror) error {
	tip := fresh.tip()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.store = nil
	old := m.dir + ".old"
	if err := os.RemoveAll(old); err != nil {
		return fmt.Errorf("replace mirror: %w", err)
	}
	if err := os.Rename(m.dir, old); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("replace mirror: %w", err)
	}
	if err := os.Rename(fresh.dir, m.dir); err != nil {
		return fmt.Errorf("replace mirror: %w", err)
	}
	if m.suspect != nil {
		m.rebuilt = tip
	}
	m.checked, m.suspect = true, nil
	return os.RemoveAll(old)
}
