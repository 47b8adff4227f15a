package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"gputrain/lut"
	"gputrain/trainer"
)

// The exit codes of cli.md.
const (
	exitDone        = 0
	exitFailed      = 1
	exitInput       = 2  // bad usage, recipe or input file: do not retry
	exitInterrupted = 75 // state saved, resumable (EX_TEMPFAIL)
)

// A usageError is a command line that cannot be carried out.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...)}
}

// A faultReport is what --json prints of an error.
type faultReport struct {
	Message string `json:"message"`
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Want    string `json:"want,omitempty"`
	Got     string `json:"got,omitempty"`
}

// classify returns the exit code of err and the report of it.
func classify(err error) (int, faultReport) {
	r := faultReport{Message: strings.TrimSpace(err.Error())}
	var format *lut.FormatError
	var input *trainer.InputError
	var usage *usageError
	switch {
	case errors.Is(err, trainer.ErrInterrupted):
		return exitInterrupted, r
	case errors.As(err, &input):
		r.File, r.Line, r.Want, r.Got = input.File, input.Line, input.Want, input.Got
		return exitInput, r
	case errors.As(err, &format):
		r.File, r.Line = format.Path, format.Line
		return exitInput, r
	case errors.As(err, &usage):
		return exitInput, r
	}
	return exitFailed, r
}

// report prints err, on stderr as text and with --json on stdout as a document,
// and returns the exit code.
func (a *app) report(err error, asJSON bool) int {
	code, r := classify(err)
	var answered *answeredError
	if errors.As(err, &answered) {
		return code
	}
	if asJSON {
		enc := json.NewEncoder(a.stdout)
		enc.SetEscapeHTML(false)
		enc.Encode(map[string]faultReport{"error": r})
		return code
	}
	fmt.Fprintf(a.stderr, "gputrain: %s\n", r.Message)
	return code
}
