package trainer

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"gputrain/model/weights"
)

// Loaded is told when the state that a run starts from has been read.
type Loaded struct {
	Path  string // "" where the state came from the run before
	Notes []string

	// Missing are the tensors of the network that the file lacks, Unexpected
	// those that only the file has, as [KeysLine] puts them. Quantizers do not
	// count: a checkpoint of a float32 network has none.
	Missing, Unexpected []string
}

func (Loaded) event() {}

// KeysLine says in PyTorch's words which names a state dict lacks, or has too
// many, "" if there are none; kind is Missing or Unexpected.
func KeysLine(kind string, names []string) string {
	const shown = 20
	if len(names) == 0 {
		return ""
	}
	quoted := make([]string, 0, shown+1)
	for _, n := range names[:min(shown, len(names))] {
		quoted = append(quoted, fmt.Sprintf("%q", n))
	}
	line := kind + " key(s) in state_dict: " + strings.Join(quoted, ", ")
	if more := len(names) - shown; more > 0 {
		line += fmt.Sprintf(" and %d more", more)
	}
	return line + "."
}

// init loads the state that the run starts from, if it is not new.
func (s *session) init() error {
	path, f := s.plan.Recipe.Init, s.o.Init
	if path == "" && f == nil {
		return nil
	}
	if f == nil {
		var err error
		if f, err = weights.ReadFile(path); err != nil {
			return &InputError{Err: fmt.Errorf("init: %w", err)}
		}
	} else {
		path = ""
	}
	f = NetworkAlone(f)
	if err := f.CheckFinite(); err != nil {
		return inputf(path, "init: %w", err)
	}
	report, err := s.net.LoadState(f, false)
	if err != nil {
		return &InputError{File: path, Err: err}
	}
	l := Loaded{Path: path, Notes: f.Notes, Missing: slices.DeleteFunc(report.Missing, weights.IsQuantizer),
		Unexpected: slices.DeleteFunc(report.Unexpected, weights.IsQuantizer)}
	switch {
	case len(report.Unexpected) == len(f.Tensors):
		return inputf(path, "init: no tensor in it is one of %s", s.plan.Recipe.Model.Name)
	case !s.plan.Recipe.NoStrict && len(l.Missing)+len(l.Unexpected) > 0:
		lines := slices.DeleteFunc([]string{KeysLine("Missing", l.Missing), KeysLine("Unexpected", l.Unexpected)},
			func(line string) bool { return line == "" })
		return inputf(path, "the tensors are not those of this %s: %s --no-strict lets that pass",
			s.plan.Recipe.Model.Name, strings.Join(lines, " "))
	}
	s.tell(l)
	return nil
}

// calibrated reports observers that stand still before they have seen anything.
func (s *session) calibrated() error {
	f := s.plan.Recipe.Quantization.Freeze.Observers
	if f == nil || *f > 0 || s.at.Epoch == 0 {
		return nil
	}
	names, err := s.net.Uncalibrated()
	if err != nil || len(names) == 0 {
		return err
	}
	e := s.plan.Recipe.fault("quantization.freeze.observers", *f, "")
	e.Got, e.Err = "", errors.New("0 epochs, but the range of "+names[0]+" has seen nothing: set train.calibrate, or start from a checkpoint that has ranges")
	return e
}
