//go:build cgo && !nogpu

package gpu

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/go-gl/gl/v4.3-core/gl"

	"gputrain/model/backend"
)

// who begins the panics of this package.
const who = "gpu"

var (
	_ backend.Backend = (*Device)(nil)
	_ backend.Guarded = (*Device)(nil)

	_ backend.Profiler  = (*Device)(nil)
	_ backend.Annotator = (*Device)(nil)
	_ backend.Tuned     = (*Device)(nil)
)

// A Device is a backend on a GPU. It is made by [Open].
type Device struct {
	info     Info
	debug    bool
	products Store
	notify   func(line string)
	tuner    tuner
	space    *memory // of workspace; nil at first
	budget   int     // bytes of it

	commands chan command // for the goroutine of serve
	replies  chan error   // of commands that are waited for
	ended    chan struct{}
	closed   bool
	guards   uint32 // tensors with guards so far
	layer    string // that operations work for, if Annotate was called

	// The fields below belong to the goroutine of serve.
	err      error // first failure
	programs map[kernel]uint32
	unseen   uint32 // barrier bits for which nothing has waited since the last dispatch
	pool     pool
	timer    timer
	labels   labelCheck
	sliceLen int                     // for tests: work groups a slice of a dispatch, if not 0
	staging  []byte                  // for data that cross the border
	fault    func(call string) error // see Options; not nil
}

// A command is one thing for the GL thread to do. It travels by value, so that
// queueing leaves no garbage.
type command struct {
	op     string
	layer  string
	action action
	call   func() error // of calling
	memory *memory      // of allocating and releasing
	dispatch
	crosses bool // the border between host and device, which profiles show
	wait    bool // send the first failure to replies
}

// An action says what a command does.
type action uint8

const (
	launching action = iota
	calling
	allocating // scratch
	releasing
)

// queueLength is how many commands may wait. A hop to the thread costs more
// than most commands, so many should share one.
const queueLength = 256

// Open opens the device that o asks for. The error wraps [ErrUnavailable] if
// there is none.
func Open(o Options) (*Device, error) {
	if o.Fault == nil {
		o.Fault = func(string) error { return nil }
	}
	d := &Device{
		fault:    o.Fault,
		debug:    o.Debug,
		products: o.Products,
		notify:   o.Note,
		tuner:    tuner{used: map[class]plan{}},
		commands: make(chan command, queueLength),
		replies:  make(chan error, 1),
		ended:    make(chan struct{}),
		programs: make(map[kernel]uint32),
		pool:     newPool(o.Fault),
		timer:    timer{rates: make(map[kernel]float64)},
		staging:  make([]byte, stagingBytes),
	}
	go d.serve(o)
	if err := <-d.replies; err != nil {
		return nil, err
	}
	d.budget = int(min(workspaceBytes, d.info.Limits["MAX_SHADER_STORAGE_BLOCK_SIZE"]))
	d.startTuner(o)
	return d, nil
}

// serve owns the context. It reports once whether there is one, then does what
// is queued until Close. The thread ends with the goroutine: it is never
// unlocked, so nothing else runs where the context was.
func (d *Device) serve(o Options) {
	runtime.LockOSThread()
	defer close(d.ended)
	ctx, info, err := openContext(o)
	if err != nil {
		d.replies <- err
		return
	}
	defer ctx.close()
	d.info = info
	if d.debug {
		watchErrors()
	}
	d.replies <- nil
	for c := range d.commands {
		if d.err == nil {
			if err := d.do(&c); err != nil {
				d.err = &Error{c.op, err}
			} else if c.wait {
				d.err = d.labels.failed(d)
			}
		}
		if c.wait {
			d.replies <- d.err
		}
	}
	gl.Finish()
}

// do carries out c. GL keeps errors until it is asked, which costs a round
// through the driver: outside of tests that happens where the caller waits.
func (d *Device) do(c *command) error {
	if err := d.perform(c); err != nil {
		return err
	}
	if !d.debug {
		if c.wait {
			return glError()
		}
		return nil
	}
	if err := severeMessage(d.staging); err != nil {
		return err
	}
	return glError()
}

// perform carries out c, measured where a profile wants it.
func (d *Device) perform(c *command) error {
	switch c.action {
	case launching:
		return d.launch(c)
	case allocating:
		return d.allocate(c.memory)
	case releasing:
		d.pool.put(c.memory.buffer, c.memory.capacity)
		c.memory.buffer = 0
		return nil
	}
	if !c.crosses || d.timer.record == nil {
		return c.call()
	}
	m := d.timer.start()
	err := c.call()
	d.timer.stop(m, backend.Span{Op: c.op, Layer: c.layer}, kernel{}, 0)
	return err
}

// queue has f called on the GL thread, after all that was queued before it and
// only if none of that failed. It returns at once.
func (d *Device) queue(op string, f func() error) {
	d.commands <- command{op: op, action: calling, call: f}
}

// wait queues f, waits for it, and returns the first failure so far.
func (d *Device) wait(op string, f func() error) error {
	d.commands <- command{op: op, action: calling, call: f, wait: true}
	return <-d.replies
}

// cross is wait for an f that moves data between host and device.
func (d *Device) cross(op string, f func() error) error {
	d.commands <- command{op: op, layer: d.layer, action: calling, call: f, crosses: true, wait: true}
	return <-d.replies
}

// Name returns the renderer's name, as in "gpu (llvmpipe (LLVM 15.0.6, 256 bits))".
func (d *Device) Name() string { return fmt.Sprintf("gpu (%s)", d.info.Renderer) }

// Info describes the device.
func (d *Device) Info() Info { return d.info }

// Sync implements [backend.Memory].
func (d *Device) Sync() error {
	return d.wait("Sync", func() error {
		gl.Finish()
		d.timer.fetchAll()
		return nil
	})
}

// Close waits for all queued work and gives back the context with all that is
// in it. The device must not be used after that, except to close it again.
func (d *Device) Close() {
	if !d.closed {
		d.closed = true
		close(d.commands)
		<-d.ended
	}
}

// watchErrors has the driver record messages of high severity, and no others.
func watchErrors() {
	gl.Enable(gl.DEBUG_OUTPUT)
	gl.Enable(gl.DEBUG_OUTPUT_SYNCHRONOUS)
	gl.DebugMessageControl(gl.DONT_CARE, gl.DONT_CARE, gl.DONT_CARE, 0, nil, false)
	gl.DebugMessageControl(gl.DONT_CARE, gl.DONT_CARE, gl.DEBUG_SEVERITY_HIGH, 0, nil, true)
}

// severeMessage returns the first message recorded since the last call, and
// forgets the others. The log is asked rather than a callback set: the binding
// has one callback for all contexts of the process. text is room for it.
func severeMessage(text []byte) error {
	var first error
	for {
		if gl.GetDebugMessageLog(1, int32(len(text)), nil, nil, nil, nil, nil, &text[0]) == 0 {
			return first
		}
		if first == nil {
			first = errors.New(gl.GoStr(&text[0]))
		}
	}
}
