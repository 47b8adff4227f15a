package trainer

import (
	"errors"
	"io/fs"
	"maps"
	"path/filepath"

	"gputrain/model/backend"
)

// machine returns what the run computes on, with the choices that its backend
// has made among kernels.
func (s *session) machine() Machine {
	m := s.o.Machine
	if m.Device == "" {
		m.Device = s.b.Name()
	}
	if t, ok := s.b.(backend.Tuned); ok {
		m.Kernels = t.Choices()
	}
	return m
}

// describeChoices writes the manifest anew if the backend has chosen kernels
// since: it does so when operations first run.
func (s *session) describeChoices() error {
	if t, ok := s.b.(backend.Tuned); !ok || maps.Equal(t.Choices(), s.described) {
		return nil
	}
	return s.describe()
}

// choose has the backend take over the choices of the run that goes on, so that
// the sums of floats come to the same bits. On another renderer they would not,
// and others may be faster: it chooses anew.
func (s *session) choose() error {
	t, ok := s.b.(backend.Tuned)
	if !ok {
		return nil
	}
	m, err := ReadManifest(s.o.Out)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || m.Renderer != s.o.Machine.Renderer {
		return err
	}
	if err := t.SetChoices(m.Kernels); err != nil {
		return inputf(filepath.Join(s.o.Out, manifestFile), "resume: %w (take \"kernels\" out to choose anew)", err)
	}
	return nil
}
