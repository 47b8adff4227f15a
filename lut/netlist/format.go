package netlist

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"gputrain/lut"
)

func init() {
	lut.RegisterFormat(lut.Format{Name: "blif", Circuit: true, Detect: detectBLIF, Read: reader(ReadBLIF)})
	lut.RegisterFormat(lut.Format{Name: "verilog", Circuit: true, Detect: detectVerilog, Read: reader(ReadVerilog)})
}

func detectBLIF(path string, head []byte) bool {
	return strings.EqualFold(filepath.Ext(path), ".blif") || startsWith(head, "#", "", "", ".model")
}

func detectVerilog(path string, head []byte) bool {
	return strings.EqualFold(filepath.Ext(path), ".v") || startsWith(head, "//", "/*", "*/", "module")
}

// startsWith reports whether a text begins with a word, after blanks and
// comments, which begin with line and end with the line, or stand between open
// and shut.
func startsWith(head []byte, line, open, shut, word string) bool {
	for {
		head = bytes.TrimLeft(head, " \t\r\n")
		var ok bool
		switch {
		case bytes.HasPrefix(head, []byte(line)):
			_, head, ok = bytes.Cut(head, []byte("\n"))
		case open != "" && bytes.HasPrefix(head, []byte(open)):
			_, head, ok = bytes.Cut(head[len(open):], []byte(shut))
		default:
			rest, found := bytes.CutPrefix(head, []byte(word))
			return found && len(rest) > 0 && strings.IndexByte(" \t\r\n\\", rest[0]) >= 0
		}
		if !ok {
			return false
		}
	}
}

// reader makes a lut.Format.Read of a reader of circuits.
func reader(read func(r io.Reader, path string, o lut.LoadOptions) (*Circuit, error)) func(io.Reader, string, lut.LoadOptions) (*lut.Loaded, error) {
	return func(r io.Reader, path string, o lut.LoadOptions) (*lut.Loaded, error) {
		c, err := read(r, path, o)
		if err != nil {
			return nil, err
		}
		t, err := c.Table()
		if err != nil {
			return nil, err
		}
		l := &lut.Loaded{Table: t, Assumed: c.Assumed()}
		if len(c.Published()) == 0 {
			return l, nil
		}
		m, err := c.Metrics()
		if err != nil {
			return nil, err
		}
		l.Published = m.Compare(c.Published())
		for _, p := range l.Published {
			if p.Differs {
				l.Assumed = append(l.Assumed, fmt.Sprintf("the header says %s = %s, its products give %.8g", p.Key, p.Value, *p.Recomputed))
			}
		}
		return l, nil
	}
}
