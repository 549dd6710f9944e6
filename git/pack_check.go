package git

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

// checkPack looks for objects that would be too large once unpacked. It comes
// before a pack is indexed, which holds each object in memory: a few kilobytes
// that unpack to gigabytes must not end the process.
func checkPack(pack io.ReadSeeker, limit int64) error {
	scanner := packfile.NewScanner(pack)
	_, objects, err := scanner.Header()
	if err != nil {
		return fmt.Errorf("check objects: %w", err)
	}
	for range objects {
		header, err := scanner.NextObjectHeader()
		if err != nil {
			return fmt.Errorf("check objects: %w", err)
		}
		if err := checkSize(header.Length, limit); err != nil {
			return err
		}
		start := &prefix{}
		if _, _, err := scanner.NextObject(start); err != nil {
			return fmt.Errorf("check objects: %w", err)
		}
		if isDelta(header.Type) {
			err = checkSize(deltaResult(start.Bytes()), limit)
		}
		if err != nil {
			return err
		}
	}
	_, err = pack.Seek(0, io.SeekStart)
	return err
}

func checkSize(size, limit int64) error {
	if size < 0 || size > limit {
		return fmt.Errorf("the repository holds an object of %d bytes, over the limit of %d", size, limit)
	}
	return nil
}

func isDelta(kind plumbing.ObjectType) bool {
	return kind == plumbing.OFSDeltaObject || kind == plumbing.REFDeltaObject
}

// deltaResult is the size of what a delta makes: the second of the two numbers
// it begins with. A delta without them is left for the indexing to refuse.
func deltaResult(delta []byte) int64 {
	_, n := binary.Uvarint(delta)
	if n <= 0 {
		return 0
	}
	result, n := binary.Uvarint(delta[n:])
	if n < 0 || int64(result) < 0 {
		return -1
	}
	return int64(result)
}

// prefix keeps the first bytes of what is written to it.
type prefix struct{ bytes.Buffer }

func (p *prefix) Write(b []byte) (int, error) {
	const enough = 2 * binary.MaxVarintLen64
	if room := enough - p.Len(); room > 0 {
		p.Buffer.Write(b[:min(room, len(b))])
	}
	return len(b), nil
}
