//go:build cgo && !nogpu

package gpu

import (
	"fmt"
	"strings"

	"github.com/go-gl/gl/v4.3-core/gl"

	"gputrain/model/backend"
	"gputrain/shaders"
)

// A kernel names a compute program: a file of package shaders and the macros
// that specialize it.
type kernel struct {
	file string
	defs [4]shaders.Define // those with a name
}

// Sizes of work groups, as index.glsl and reduce.glsl have them, and what
// every device takes on an axis of the grid.
const (
	groupSize = 64
	maxGroups = 65535
)

// maxTurns bounds the turns that the loops of one invocation make in all:
// llvmpipe ends an invocation, silently, after 65,535.
const maxTurns = 1 << 15

// A job is what a dispatch works on, as an operation describes it. Buffers
// stand at bindings 0, 1, …, ints at locations 0, 1, … and reals behind them,
// all in the order of the kernel's header; textures at the units from firstUnit
// on.
type job struct {
	over      int               // elements, an invocation each; 0 where tiles or groups says it
	tiles     int               // parts of the result, a work group each (tiles.glsl)
	turns     int               // of loops, that each of those makes; 0 is 1
	groups    [2]int            // work groups
	conv      *backend.ConvDims // whose geometry comes before ints, if set
	buffers   []*memory
	firstUnit int
	textures  []*texture
	ints      []int
	reals     []float32
}

// A dispatch is a job by value.
type dispatch struct {
	kernel    kernel
	groups    [2]uint32
	over      int // elements or tiles: the grid may be cut; 0: it may not
	per       int // how many of them a work group does
	turns     int
	buffers   [8]*memory
	firstUnit int
	textures  [2]*texture
	ints      [32]int32
	reals     [12]float32
	nBuffers  int
	nTextures int
	nInts     int
	nReals    int
}

// run queues a dispatch of k for the operation op. It keeps nothing of j but
// copies, so that callers' slices need no heap.
func (d *Device) run(op string, k kernel, j job) {
	if d.tuner.dry != nil {
		_ = d.tuner.dry(k) // a failure is sticky
		return
	}
	c := command{op: op, layer: d.layer, dispatch: dispatch{
		kernel: k, firstUnit: j.firstUnit, over: j.over, per: groupSize, turns: max(1, j.turns),
		nBuffers: len(j.buffers), nTextures: len(j.textures), nReals: len(j.reals),
	}}
	if j.tiles > 0 {
		c.over, c.per = j.tiles, 1
	}
	x, y := j.groups[0], j.groups[1]
	if c.over > 0 {
		x, y = fold(ceilDiv(c.over, c.per))
	}
	c.groups = [2]uint32{uint32(x), uint32(y)}
	copy(c.buffers[:], j.buffers)
	copy(c.textures[:], j.textures)
	at := 0
	if j.conv != nil {
		for i, v := range geometry(j.conv) {
			c.ints[i] = int32(v)
		}
		at = geometryInts
	}
	for i, v := range j.ints {
		c.ints[at+i] = int32(v)
	}
	c.nInts = at + len(j.ints)
	copy(c.reals[:], j.reals)
	d.commands <- c
}

// geometryInts is the number of uniforms of conv.glsl.
const geometryInts = 17

// geometry returns them.
func geometry(c *backend.ConvDims) [geometryInts]int {
	return [...]int{
		c.Batch, c.Cin, c.H, c.W, c.Cout, c.KH, c.KW, c.OH, c.OW, c.GroupIn, c.GroupOut,
		c.Stride[0], c.Stride[1], c.Pad[0], c.Pad[1], c.Dilation[0], c.Dilation[1],
	}
}

// fold returns a grid of at least so many work groups.
func fold(groups int) (x, y int) {
	y = ceilDiv(groups, maxGroups)
	return ceilDiv(groups, y), y
}

// flag is a truth value as kernels take it.
func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// launch runs a dispatch. It belongs to the GL thread, like all below.
func (d *Device) launch(c *command) error {
	program, err := d.program(c.kernel)
	if err != nil {
		return err
	}
	d.sees(gl.SHADER_STORAGE_BARRIER_BIT)
	gl.UseProgram(program)
	for i, b := range c.buffers[:c.nBuffers] {
		gl.BindBufferRange(gl.SHADER_STORAGE_BUFFER, uint32(i), b.buffer, b.offset, b.capacity-b.offset)
	}
	for i, t := range c.textures[:c.nTextures] {
		t.bind(uint32(c.firstUnit + i))
	}
	for i, v := range c.ints[:c.nInts] {
		gl.Uniform1i(int32(i), v)
	}
	for i, v := range c.reals[:c.nReals] {
		gl.Uniform1f(int32(c.nInts+i), v)
	}
	turns := float64(c.over) * float64(c.turns)
	slice, groups := d.slice(c.kernel, ceilDiv(c.over, c.per), turns)
	if slice == 0 {
		if c.over > 0 {
			gl.Uniform1ui(firstGroup, 0)
		}
		d.dispatch(c, c.groups[0], c.groups[1], turns)
	}
	for first := 0; slice > 0 && first < groups; first += slice {
		n := min(slice, groups-first)
		gl.Uniform1ui(firstGroup, uint32(first))
		d.dispatch(c, uint32(n), 1, turns*float64(n)/float64(groups))
		gl.Flush() // a driver may hold dispatches back and hand them over as one
	}
	d.unseen = gl.SHADER_STORAGE_BARRIER_BIT | gl.BUFFER_UPDATE_BARRIER_BIT
	if err := d.fault("DispatchCompute"); err != nil {
		return c.failed(err)
	}
	return nil
}

// failed says of which kernel, on how much memory, err is the failure.
func (c *command) failed(err error) error {
	bytes := 0
	for _, b := range c.buffers[:c.nBuffers] {
		bytes += b.capacity
	}
	return fmt.Errorf("%s on buffers of %d bytes: %w", c.kernel.file, bytes, err)
}

// firstGroup is the location of the uniform of index.glsl and tiles.glsl.
const firstGroup = 63

// slice returns the work groups of each slice of a dispatch of so many, 0 where
// it is not cut, and those of all of it.
func (d *Device) slice(k kernel, groups int, turns float64) (slice, all int) {
	n := d.timer.slices(k, turns)
	switch {
	case groups == 0:
		return 0, 0
	case d.sliceLen > 0:
		return min(d.sliceLen, maxGroups), groups
	case n > 1:
		return min(ceilDiv(groups, n), maxGroups), groups
	}
	return 0, groups
}

// dispatch runs a grid of the program in use, and measures it if it is long or
// a profile wants it.
func (d *Device) dispatch(c *command, x, y uint32, turns float64) {
	if turns < longDispatch {
		turns = 0
	}
	if turns == 0 && d.timer.record == nil {
		gl.DispatchCompute(x, y, 1)
		return
	}
	d.timer.fetchReady()
	m := d.timer.start()
	gl.DispatchCompute(x, y, 1)
	d.timer.stop(m, backend.Span{Op: c.op, Part: c.kernel.file, Layer: c.layer}, c.kernel, turns)
}

// sees makes what dispatches have written visible to accesses of the kind of
// bit, if it is not yet.
func (d *Device) sees(bit uint32) {
	if d.unseen&bit != 0 {
		gl.MemoryBarrier(bit)
		d.unseen &^= bit
	}
}

// A compileError reports GLSL that the driver rejects.
type compileError struct{ kernel, log string }

func (e *compileError) Error() string {
	return fmt.Sprintf("compile %s: %s", e.kernel, strings.TrimSpace(e.log))
}

// program returns the program of k, compiling it on first use.
func (d *Device) program(k kernel) (uint32, error) {
	if p, ok := d.programs[k]; ok {
		return p, nil
	}
	var defs []shaders.Define
	for _, def := range k.defs {
		if def.Name != "" {
			defs = append(defs, def)
		}
	}
	p, err := compile(shaders.Assemble(k.file, defs...))
	if err != nil {
		return 0, err
	}
	d.programs[k] = p
	return p, nil
}

// compile makes a program of a source.
func compile(source shaders.Program) (uint32, error) {
	text, free := gl.Strs(source.Text + "\x00")
	defer free()
	p := gl.CreateShaderProgramv(gl.COMPUTE_SHADER, 1, text)
	var linked int32
	if gl.GetProgramiv(p, gl.LINK_STATUS, &linked); linked != gl.TRUE {
		var n int32
		gl.GetProgramiv(p, gl.INFO_LOG_LENGTH, &n)
		log := make([]byte, n+1)
		gl.GetProgramInfoLog(p, n, nil, &log[0])
		gl.DeleteProgram(p)
		return 0, &compileError{source.Name, source.Locate(gl.GoStr(&log[0]))}
	}
	return p, nil
}
