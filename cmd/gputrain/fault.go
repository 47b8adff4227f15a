package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
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

// A faultReport is what --json prints of an error. Keys that say nothing of it
// are empty, or 0.
type faultReport struct {
	Message string `json:"message"` // a line for each fault
	File    string `json:"file"`    // these four: of the first
	Line    int    `json:"line"`
	Want    string `json:"want"`
	Got     string `json:"got"`
}

// faultJSON is the document of a command that fails.
type faultJSON struct {
	Error faultReport `json:"error"`
}

// classify returns the exit code of err and the report of it.
func classify(err error) (int, faultReport) {
	r := faultReport{Message: message(err)}
	var format *lut.FormatError
	var input *trainer.InputError
	var usage *usageError
	var path *fs.PathError
	switch {
	case errors.Is(err, trainer.ErrInterrupted):
		return exitInterrupted, r
	case errors.Is(err, context.Canceled):
		r.Message = strings.Replace(r.Message, context.Canceled.Error(), "interrupted", 1)
		return exitFailed, r
	case errors.As(err, &input):
		r.Line, r.Want, r.Got = input.Line, input.Want, input.Got
		if !strings.HasPrefix(input.File, "--") { // a flag is no file
			r.File = input.File
		}
	case errors.As(err, &format):
		r.Message, r.File, r.Line = format.Error(), format.Path, format.Line
	case !errors.As(err, &usage):
		return exitFailed, r
	}
	if r.File == "" && errors.As(err, &path) {
		r.File = path.Path
	}
	return exitInput, r
}

// message returns the text of err, a line for each fault, without the name of
// the package that found it: that is of no use to who reads it.
func message(err error) string {
	switch e := err.(type) {
	case trainer.Faults:
		lines := make([]string, len(e))
		for i, fault := range e {
			lines[i] = message(fault)
		}
		return strings.Join(lines, "\n")
	case *trainer.InputError:
		fault := *e
		if fault.Err != nil { // what stands before it is the user's
			fault.Err = errors.New(withoutPackage(fault.Err.Error()))
		}
		return fault.Error()
	}
	return withoutPackage(err.Error())
}

func withoutPackage(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i := range lines {
		for _, pkg := range []string{"dataset", "gpu", "lut", "model", "plot", "trainer"} {
			lines[i] = strings.TrimPrefix(lines[i], pkg+": ")
		}
	}
	return strings.Join(lines, "\n")
}

// inputFault marks err as a fault of what the user gave, unless it already says
// more precisely which.
func inputFault(err error) error {
	if code, _ := classify(err); code == exitInput {
		return err
	}
	return &usageError{err}
}

// An answeredError is a failure whose answer is already on stdout: only the
// exit code remains to be said.
type answeredError struct{ err error }

func (e *answeredError) Error() string { return e.err.Error() }

// report prints err, on stderr as text and with --json on stdout as a document,
// and returns the exit code.
func (a *app) report(err error, asJSON bool) int {
	code, r := classify(err)
	var answered *answeredError
	if errors.As(err, &answered) {
		return code
	}
	if asJSON {
		a.printJSON(faultJSON{r})
		return code
	}
	name := "gputrain:"
	if a.colored(a.stderr) {
		name = "\x1b[1;31m" + name + "\x1b[0m"
	}
	for line := range strings.Lines(r.Message) {
		fmt.Fprintf(a.stderr, "%s %s\n", name, strings.TrimSuffix(line, "\n"))
	}
	return code
}
