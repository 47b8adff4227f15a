// Package gpu implements package backend with OpenGL 4.3 compute shaders.
//
// [Open] starts a goroutine that is locked to an OS thread of its own and owns
// the GL context; the methods of [Device] check their arguments and queue work
// for it. No other code in gputrain calls GL, and no finalizer does.
//
// # Memory
//
// F32 and I32 tensors are shader storage buffers of one word per element; U8
// tensors pack four elements to a word, lowest byte first, and who writes one
// owns whole words. Freed buffers are kept by size for the next tensor. Tables
// of multipliers are textures.
//
// # Order of sums
//
// One invocation owns some elements of a result, or of one slice of their sums;
// slices are added in ascending order. How sums are cut depends on shapes and on
// the kernel that adds them, so that a device gives the same bits from run to
// run by the same kernels. [Device.Choices] tells which kernels those are; only
// sums of integers are the same by all of them.
//
// Builds without cgo, or with the tag nogpu, have no GPU to offer: Open then
// returns [ErrUnavailable].
package gpu

import "errors"

// ErrUnavailable is wrapped by the error of [Open] where there is no driver for
// OpenGL 4.3, and always in builds without cgo.
var ErrUnavailable = errors.New("no OpenGL 4.3 device")

// Failures of a device that an [Error] may wrap.
var (
	ErrOutOfMemory = errors.New("the device is out of memory (GL_OUT_OF_MEMORY): a smaller batch needs less")
	ErrContextLost = errors.New("the context is lost (GL_CONTEXT_LOST): the GPU was reset or unplugged")
)

// An Error reports a failure of the device during an operation.
type Error struct {
	Op  string // as in "LUTMatMul"
	Err error
}

func (e *Error) Error() string { return "gpu: " + e.Op + ": " + e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }

// Options say which device to open. The zero value takes the first hardware
// device, or a software renderer where there is none.
type Options struct {
	// Provider of the context: "", "auto", "egl" or "glfw". Empty is the
	// environment variable GPUTRAIN_GL, or auto.
	Provider string

	// Device is the index among the EGL devices that [List] returns. 0 leaves
	// the choice to the order of providers.
	Device int

	// RequireHardware refuses software renderers (llvmpipe, softpipe).
	RequireHardware bool

	// Debug asks for a debug context; a message of high severity then becomes
	// the sticky error.
	Debug bool

	// Products says where product tables are read from.
	Products Store

	// Tune says when the variants of kernels are measured against each other.
	Tune Tuning

	// Cache is the folder that keeps what was measured; empty is gputrain in
	// the user's cache folder.
	Cache string

	// Fault, if set, is asked after each call of OpenGL that allocates memory
	// ("BufferData") or runs a kernel ("DispatchCompute"). An error that it
	// returns counts as that of the call. It is for tests.
	Fault func(call string) error

	// Note, if set, is told in a line what is no failure but of interest.
	Note func(line string)
}

// Tuning says when variants of kernels are measured.
type Tuning uint8

const (
	// TuneHardware measures on hardware, for each class of operations when it
	// first occurs on a device with a driver. Software renderers take
	// what is known to be good for them.
	TuneHardware Tuning = iota
	TuneNever           // takes what is likely to be good
	TuneAlways          // measures on software renderers, too
	TuneAgain           // is TuneAlways that forgets what was measured before
)

// A Store is a kind of memory for product tables. It makes a difference in
// speed alone.
type Store uint8

const (
	BufferTexture Store = iota // a buffer texture, 16 bits a product if they fit
	ImageTexture               // a two-dimensional texture, the same
	StorageBuffer              // a storage buffer, 32 bits a product
	SharedMemory               // as BufferTexture, copied to shared memory by each work group where it fits
)

// Info describes an open device.
type Info struct {
	Vendor, Renderer, Version string // as the driver says
	Provider                  string // as in "egl device 0" or "glfw"
	Software                  bool   // the renderer runs on the CPU
	Limits                    map[string]int64
}

// A Listed is a device that EGL offers.
type Listed struct {
	Name     string // as far as the driver tells: a renderer or a file in /dev/dri
	Software bool
}
