//go:build !linux && cgo && !nogpu

package gpu

import (
	"errors"
	"fmt"
)

var errEGL = errors.New("contexts by EGL are for Linux")

// List returns an error that wraps [ErrUnavailable].
func List() ([]Listed, error) { return nil, fmt.Errorf("gpu: %w: %w", ErrUnavailable, errEGL) }

func eglDevice(int) ([]candidate, error) { return nil, errEGL }

func eglHardware() []candidate { return nil }

func eglSoftware() []candidate { return nil }
