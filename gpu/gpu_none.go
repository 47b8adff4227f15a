//go:build !cgo || nogpu

package gpu

import (
	"fmt"

	"gputrain/model/backend"
)

// A Device is a backend on a GPU. In this build there are none.
type Device struct{ backend.Backend }

var errBuild = fmt.Errorf("gpu: %w: this build has no OpenGL (build with cgo and without -tags nogpu; see README, Build flavours)", ErrUnavailable)

// Open returns an error that wraps [ErrUnavailable].
func Open(Options) (*Device, error) { return nil, errBuild }

// List returns an error that wraps [ErrUnavailable].
func List() ([]Listed, error) { return nil, errBuild }

// Info is never called: there is no Device.
func (d *Device) Info() Info { return Info{} }

// Profile is never called: there is no Device.
func (d *Device) Profile(func(backend.Span)) {}

// Choices is never called: there is no Device.
func (d *Device) Choices() map[string]string { return nil }

// SetChoices is never called: there is no Device.
func (d *Device) SetChoices(map[string]string) error { return errBuild }

// Close is never called: there is no Device.
func (d *Device) Close() {}
