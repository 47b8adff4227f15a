package netlist

import (
	"bufio"
	"errors"
	"io"
)

// end is what source.peek and source.next return at the end of the text.
const end = -1

// A source hands out the bytes of a text and counts its lines. It fails at a
// read error and where the text is longer than maxFile.
type source struct {
	path string
	line int // of the byte that next will return
	r    *bufio.Reader
	read int
}

func newSource(r io.Reader, path string) *source {
	return &source{path: path, line: 1, r: bufio.NewReader(r)}
}

// peek returns the byte that next will return.
func (s *source) peek() int {
	b, err := s.r.Peek(1)
	switch {
	case errors.Is(err, io.EOF):
		return end
	case err != nil:
		fail(s.path, s.line, "%w", err)
	}
	return int(b[0])
}

// prefix reports whether the text goes on with p.
func (s *source) prefix(p string) bool {
	b, _ := s.r.Peek(len(p)) // an error other than the end will meet next
	return string(b) == p
}

// skip consumes n bytes.
func (s *source) skip(n int) {
	for range n {
		s.next()
	}
}

// next consumes a byte.
func (s *source) next() int {
	b, err := s.r.ReadByte()
	switch {
	case errors.Is(err, io.EOF):
		return end
	case err != nil:
		fail(s.path, s.line, "%w", err)
	}
	if s.read++; s.read > maxFile {
		fail(s.path, s.line, "text of more than %d MiB", maxFile>>20)
	}
	if b == '\n' {
		s.line++
	}
	return int(b)
}
