//go:build cgo && !nogpu

package gpu

import (
	"cmp"
	"fmt"
	"math/bits"

	"github.com/go-gl/gl/v4.3-core/gl"
)

// A pool keeps buffers that are not in use, by their size, since to make one
// may stall the device. It belongs to the GL thread.
type pool struct {
	free  map[int][]uint32        // by capacity in bytes
	fault func(call string) error // see Options; not nil
}

func newPool(fault func(call string) error) pool {
	return pool{free: make(map[int][]uint32), fault: fault}
}

// bucket returns the capacity of buffers for size bytes: the next multiple of
// an eighth of its power of two, so that at most an eighth is lost and tensors
// of nearly the same size share buffers. The least is 256 bytes.
func bucket(size int) int {
	if size <= 256 {
		return 256
	}
	step := 1 << max(8, bits.Len(uint(size-1))-4)
	return (size + step - 1) / step * step
}

// get returns a buffer of at least size bytes and its capacity.
func (p *pool) get(size int) (buffer uint32, capacity int, err error) {
	capacity = bucket(size)
	if kept := p.free[capacity]; len(kept) > 0 {
		p.free[capacity] = kept[:len(kept)-1]
		return kept[len(kept)-1], capacity, nil
	}
	buffer, err = p.newBuffer(capacity)
	if err != nil && p.trim() > 0 {
		buffer, err = p.newBuffer(capacity)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("%d bytes: %w", size, err)
	}
	return buffer, capacity, nil
}

// put takes back a buffer from get.
func (p *pool) put(buffer uint32, capacity int) { p.free[capacity] = append(p.free[capacity], buffer) }

// trim deletes all buffers that are kept and returns their number.
func (p *pool) trim() (n int) {
	for capacity, kept := range p.free {
		n += len(kept)
		for _, b := range kept {
			gl.DeleteBuffers(1, &b)
		}
		delete(p.free, capacity)
	}
	return n
}

// newBuffer makes a buffer. What it holds is undefined.
func (p *pool) newBuffer(bytes int) (uint32, error) {
	var b uint32
	gl.GenBuffers(1, &b)
	gl.BindBuffer(gl.COPY_WRITE_BUFFER, b)
	gl.BufferData(gl.COPY_WRITE_BUFFER, bytes, nil, gl.DYNAMIC_COPY)
	if err := cmp.Or(glError(), p.fault("BufferData")); err != nil {
		gl.DeleteBuffers(1, &b)
		return 0, err
	}
	return b, nil
}
