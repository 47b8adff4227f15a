// Package gpu implements package backend with OpenGL 4.3 compute shaders.
//
// [Open] starts a goroutine that is locked to an OS thread of its own and owns
// the GL context; the methods of [Device] queue work for it. No other code in
// gputrain calls GL, and no finalizer does.
//
// Builds without cgo, or with the tag nogpu, have no GPU to offer: Open then
// returns [ErrUnavailable].
package gpu

import "errors"

// ErrUnavailable is wrapped by the error of [Open] where there is no driver for
// OpenGL 4.3, and always in builds without cgo.
var ErrUnavailable = errors.New("no OpenGL 4.3 device")

// Options say which device to open. The zero value takes the first hardware
// device, or a software renderer where there is none.
type Options struct {
	// Provider of the context: "", "auto", "egl" or "glfw". Empty is the
	// environment variable GPUTRAIN_GL, or auto.
	Provider string

	// Device is the index among the EGL devices that [List] returns.
	Device int

	// RequireHardware refuses software renderers (llvmpipe, softpipe).
	RequireHardware bool

	// Debug asks for a debug context; a message of high severity then becomes
	// the sticky error.
	Debug bool
}

// Info describes an open device.
type Info struct {
	Vendor, Renderer, Version string // as the driver says
	Provider                  string // as in "egl device 0" or "glfw"
	Software                  bool   // the renderer runs on the CPU
	Limits                    map[string]int64
}
