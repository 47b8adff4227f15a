package trainer

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// ErrInterrupted is returned by a run whose context was cancelled, after the
// step in hand was finished and the state saved.
var ErrInterrupted = errors.New("interrupted, state saved; continue with --resume")

// An InputError is one fault in what the user gave: a recipe, a setting, a
// file. Its text is one line.
type InputError struct {
	File         string // where it stands: a path, or a setting such as "--set optimizer.lr=x"
	Line, Column int    // 1-based; 0 if unknown
	Field        string // path of the recipe field, as in "optimizer.lr"
	Got, Want    string
	Err          error // what is wrong, if "Field = Got, want Want" does not say it
}

func (e *InputError) Error() string {
	var s strings.Builder
	if e.File != "" {
		s.WriteString(e.File)
		if e.Line > 0 {
			fmt.Fprintf(&s, ":%d", e.Line)
			if e.Column > 0 {
				fmt.Fprintf(&s, ":%d", e.Column)
			}
		}
		s.WriteString(": ")
	}
	switch {
	case e.Err != nil && e.Field != "":
		fmt.Fprintf(&s, "%s: %v", e.Field, e.Err)
	case e.Err != nil:
		s.WriteString(e.Err.Error())
	case e.Got == "":
		fmt.Fprintf(&s, "%s is missing, want %s", e.Field, e.Want)
	default:
		fmt.Fprintf(&s, "%s = %s, want %s", e.Field, e.Got, e.Want)
	}
	return s.String()
}

func (e *InputError) Unwrap() error { return e.Err }

// Faults are all faults of one input, in the order of its lines; those that
// stand in no line come last.
type Faults []*InputError

// Error gives one line a fault.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, e := range f {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets [errors.As] find the first.
func (f Faults) Unwrap() []error {
	errs := make([]error, len(f))
	for i, e := range f {
		errs[i] = e
	}
	return errs
}

// err returns f, sorted, as an error; nil if there is no fault.
func (f Faults) err() error {
	if len(f) == 0 {
		return nil
	}
	slices.SortStableFunc(f, func(a, b *InputError) int {
		return cmp.Or(cmp.Compare(line(a), line(b)), cmp.Compare(a.Column, b.Column))
	})
	return f
}

func line(e *InputError) int {
	if e.Line == 0 {
		return math.MaxInt
	}
	return e.Line
}

// IsInput reports whether err is a fault of the user's input, which repeating
// the run will not mend.
func IsInput(err error) bool {
	var e *InputError
	return errors.As(err, &e)
}

// inputf returns an InputError about a file or a place.
func inputf(file, format string, args ...any) *InputError {
	return &InputError{File: file, Err: fmt.Errorf(format, args...)}
}

// show formats a value of a recipe for Got: text in quotes.
func show(v any) string {
	if s, ok := v.(string); ok {
		return strconv.Quote(s)
	}
	return fmt.Sprint(v)
}
