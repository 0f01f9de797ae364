package cache

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"earshot/protocol"
)

const (
	tracksDir   = "tracks"
	uncleanFile = "unclean"
	dataExt     = ".data"
	proofExt    = ".proof"
	tempExt     = ".tmp"
)

func (c *Cache) marker() string { return filepath.Join(c.dir, uncleanFile) }

// path returns where a file of a track is. 256 folders keep each at a few
// hundred files in a cache of 100,000 tracks.
func (c *Cache) path(id protocol.ID, ext string) string {
	name := id.String()
	return filepath.Join(c.dir, tracksDir, name[:2], name+ext)
}

// The proof file: what a track's data is worth without the index.
//
//	magic (8 bytes), CRC-32C of the rest (4), length of the header (4),
//	header as on the wire, proof tree
//
// The tree proves itself; the checksum is for the header.
const (
	proofMagic    = "earshot1"
	proofFixed    = len(proofMagic) + 4 + 4
	maxHeaderSize = 120 << 10 // beyond what AppendHeader makes of the largest header
	maxProofFile  = proofFixed + maxHeaderSize + 8 + 64*protocol.MaxChunks
)

// castagnoli is the polynomial that processors compute.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errProofFile: a proof file cannot be used.
var errProofFile = errors.New("the proof file is damaged")

func encodeProofFile(h *protocol.Header, tree []byte) []byte {
	b := make([]byte, proofFixed, proofFixed+512+len(tree))
	copy(b, proofMagic)
	b = protocol.AppendHeader(b, h)
	binary.BigEndian.PutUint32(b[proofFixed-4:], uint32(len(b)-proofFixed))
	b = append(b, tree...)
	binary.BigEndian.PutUint32(b[len(proofMagic):], crc32.Checksum(b[proofFixed-4:], castagnoli))
	return b
}

// decodeProofFile reads what encodeProofFile wrote for the track id. It fails
// with errProofFile; otherwise the header is sound and the tree is proven. The
// tree shares memory with b.
func decodeProofFile(id protocol.ID, b []byte) (protocol.Header, []byte, error) {
	if len(b) < proofFixed || string(b[:len(proofMagic)]) != proofMagic {
		return protocol.Header{}, nil, errProofFile
	}
	n := binary.BigEndian.Uint32(b[proofFixed-4:])
	if int64(n) > int64(len(b)-proofFixed) || n > maxHeaderSize {
		return protocol.Header{}, nil, errProofFile
	}
	if crc32.Checksum(b[proofFixed-4:], castagnoli) != binary.BigEndian.Uint32(b[len(proofMagic):]) {
		return protocol.Header{}, nil, errProofFile
	}
	h, err := protocol.ParseHeader(b[proofFixed : proofFixed+int(n)])
	if err != nil {
		return protocol.Header{}, nil, fmt.Errorf("%w: %w", errProofFile, err)
	}
	tree := b[proofFixed+int(n):]
	if h.ID != id || !verifyProof(id, h.Size, tree) {
		return protocol.Header{}, nil, errProofFile
	}
	return h, tree, nil
}

// readProofFile reads a track's header and proof tree, and the file's length.
func (c *Cache) readProofFile(id protocol.ID) (h protocol.Header, tree []byte, length int, err error) {
	f, err := os.Open(c.path(id, proofExt))
	if err != nil {
		return h, nil, 0, err
	}
	defer f.Close()
	var b bytes.Buffer
	if fi, err := f.Stat(); err == nil {
		b.Grow(min(int(fi.Size()), maxProofFile) + bytes.MinRead)
	}
	if _, err := b.ReadFrom(io.LimitReader(f, int64(maxProofFile)+1)); err != nil {
		return h, nil, 0, err
	}
	h, tree, err = decodeProofFile(id, b.Bytes())
	return h, tree, b.Len(), err
}

// makeFiles makes a track's two files. Nothing is synced here, as the first
// chunk from a peer waits for it: a process that is killed loses nothing, the
// flusher syncs within a second, and a file that a power cut tears is noticed.
func (c *Cache) makeFiles(id protocol.ID, proof []byte) (*os.File, error) {
	path := c.path(id, proofExt)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	data, err := os.OpenFile(c.path(id, dataExt), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	if err := c.writeProofFile(path, proof); err != nil {
		data.Close()
		c.removeFiles(id)
		return nil, err
	}
	return data, nil
}

// writeProofFile writes a proof file whole or not at all.
func (c *Cache) writeProofFile(path string, proof []byte) error {
	temp := path + tempExt
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = c.seams.write(f, proof, 0)
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		os.Remove(temp)
	}
	return err
}

// removeFiles removes a track's files. What is not there is no error.
func (c *Cache) removeFiles(id protocol.ID) {
	for _, ext := range []string{dataExt, proofExt} {
		if err := os.Remove(c.path(id, ext)); err != nil && !errors.Is(err, os.ErrNotExist) {
			c.log.Warn("a file of the cache cannot be removed", "error", err)
		}
	}
}

// soil puts the marker on disk that has the next Open look at the files, unless
// Close removes it. It comes before the first change; the file system keeps the
// order.
func (c *Cache) soil() error {
	if c.unclean.Load() {
		return nil
	}
	f, err := os.OpenFile(c.marker(), os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	c.unclean.Store(true)
	return f.Close()
}

// syncPath makes a file or a folder durable. One that is not there any more
// needs no syncing.
func syncPath(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	err = f.Sync()
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

// isDiskFull reports whether err says that there is no space left.
func isDiskFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
