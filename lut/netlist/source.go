package netlist

import (
	"bytes"
	"io"
)

// end is what source.peek and source.next return at the end of the text.
const end = -1

// A source hands out the bytes of a text and counts its lines. It fails where
// the text is longer than maxFile.
type source struct {
	path string
	line int // of the byte that next will return
	text []byte
	at   int
}

// newSource reads a text, of which it holds no more than maxFile bytes and one.
func newSource(r io.Reader, path string) *source {
	text, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		fail(path, 0, "%w", err)
	}
	return &source{path: path, line: 1, text: text}
}

// peek returns the byte that next will return.
func (s *source) peek() int {
	if s.at == len(s.text) {
		return end
	}
	return int(s.text[s.at])
}

// prefix reports whether the text goes on with p.
func (s *source) prefix(p string) bool {
	return bytes.HasPrefix(s.text[s.at:], []byte(p))
}

// skip consumes n bytes.
func (s *source) skip(n int) {
	for range n {
		s.next()
	}
}

// next consumes a byte.
func (s *source) next() int {
	if s.at == len(s.text) {
		return end
	}
	b := s.text[s.at]
	if s.at++; s.at > maxFile {
		fail(s.path, s.line, "text of more than %d MiB", maxFile>>20)
	}
	if b == '\n' {
		s.line++
	}
	return int(b)
}
