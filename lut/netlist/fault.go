package netlist

import (
	"fmt"
	"strconv"

	"gputrain/lut"
)

// A bailout carries the first fault of a text out of the depths of a parser.
// It never leaves the package: see rescue.
type bailout struct{ err *lut.FormatError }

// fail abandons the reading of a file.
func fail(path string, line int, format string, args ...any) {
	panic(bailout{&lut.FormatError{Path: path, Line: line, Err: fmt.Errorf(format, args...)}})
}

// rescue, deferred, turns the panic of fail into an error.
func rescue(err *error) {
	switch r := recover().(type) {
	case nil:
	case bailout:
		*err = r.err
	default:
		panic(r)
	}
}

// show returns a name or a piece of text so that it fits one line of a
// message: quoted if it holds anything but printable ASCII, cut if it is long.
func show(s string) string {
	const most = 40
	cut := ""
	if len(s) > most {
		s, cut = s[:most], "…"
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return strconv.Quote(s) + cut
		}
	}
	if s == "" {
		return `""`
	}
	return s + cut
}
