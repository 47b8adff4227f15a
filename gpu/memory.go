//go:build cgo && !nogpu

package gpu

import (
	"fmt"
	"math"
	"unsafe"

	"github.com/go-gl/gl/v4.3-core/gl"

	"gputrain/model/backend"
)

// A tensor is a shape over memory that its views share.
type tensor struct {
	*memory
	shape backend.Shape
	view  bool
}

// DType implements [backend.Tensor].
func (t *tensor) DType() backend.DType { return t.dt }

// Shape implements [backend.Tensor].
func (t *tensor) Shape() backend.Shape { return t.shape }

// A memory is a storage buffer with the elements of a tensor, or scratch.
type memory struct {
	owner   *Device
	dt      backend.DType
	length  int    // elements
	guarded bool   // has guards
	guard   uint32 // the word they hold
	freed   bool

	// The fields below belong to the GL thread.
	buffer   uint32
	offset   int // bytes of the elements in the buffer
	capacity int // bytes of the buffer
}

// bytes returns the size of the elements in whole words.
func (m *memory) bytes() int { return (m.length*m.dt.Size() + 3) &^ 3 }

// NewTensor implements [backend.Memory].
func (d *Device) NewTensor(dt backend.DType, s backend.Shape) backend.Tensor {
	return d.newTensor("NewTensor", dt, s, false)
}

func (d *Device) newTensor(op string, dt backend.DType, s backend.Shape, guarded bool) *tensor {
	if dt > backend.U8 {
		panic(fmt.Sprintf("%s: %s: type %v", who, op, dt))
	}
	for _, n := range s {
		if n < 0 {
			panic(fmt.Sprintf("%s: %s: shape %v", who, op, s))
		}
	}
	t := &tensor{memory: &memory{owner: d, dt: dt, length: s.Len(), guarded: guarded}, shape: append(backend.Shape(nil), s...)}
	if guarded {
		t.guard = d.nextGuard()
	}
	d.queue(op, func() error {
		if err := d.allocate(t.memory); err != nil {
			return fmt.Errorf("tensor %v %v: %w", t.shape, dt, err)
		}
		d.fill(t.memory)
		return nil
	})
	return t
}

// Free implements [backend.Memory].
func (d *Device) Free(t backend.Tensor) {
	m := d.own(t)
	if t.(*tensor).view {
		panic(fmt.Sprintf("%s: Free: %v %v is a view, its tensor is what to free", who, t.Shape(), t.DType()))
	}
	m.freed = true
	d.release(m)
}

// View implements [backend.Memory].
func (d *Device) View(t backend.Tensor, s backend.Shape) backend.Tensor {
	backend.CheckView(who, t, s)
	return &tensor{memory: d.own(t), shape: append(backend.Shape(nil), s...), view: true}
}

// own returns the memory of t, which must be alive and d's.
func (d *Device) own(t backend.Tensor) *memory {
	u, ok := t.(*tensor)
	switch {
	case !ok || u.owner != d:
		panic(fmt.Sprintf("%s: tensor %v %v belongs to another backend", who, t.Shape(), t.DType()))
	case u.freed:
		panic(fmt.Sprintf("%s: tensor %v %v has been freed", who, t.Shape(), t.DType()))
	}
	return u.memory
}

// scratch returns memory of n words for the operation op, with garbage in it.
// What is queued before its release may use it.
func (d *Device) scratch(op string, n int) *memory {
	m := &memory{owner: d, dt: backend.I32, length: n}
	d.commands <- command{op: op, action: allocating, memory: m}
	return m
}

// workspaceBytes bounds the workspace of a device. More would not make
// operations faster: they cut what does not fit into slabs.
const workspaceBytes = 256 << 20

// workspace returns scratch of at least least bytes for the operation op, and
// of want if there is that much. It stays, so what is queued later may use it
// once more; its content ends with the next call.
func (d *Device) workspace(op string, want, least int) *memory {
	want = max(least, min(want, d.budget))
	if d.space != nil {
		if d.space.bytes() >= want {
			return d.space
		}
		d.release(d.space)
	}
	m := &memory{owner: d, dt: backend.I32}
	d.space = m
	// Where memory is tight less is taken, which only the GL thread can tell.
	_ = d.wait(op, func() (err error) { // a failure is sticky
		d.pool.trim()
		for ; ; want = max(least, want/2) {
			m.length = want / 4
			if err = d.allocate(m); err == nil || want == least {
				return err
			}
		}
	})
	if m.length == 0 { // the device has failed before: nothing will run
		m.length = want / 4
	}
	return m
}

// release gives the buffer of m back to the pool.
func (d *Device) release(m *memory) {
	d.commands <- command{op: "Free", action: releasing, memory: m}
}

// zero clears m.
func (d *Device) zero(op string, m *memory) {
	d.queue(op, func() error {
		d.clear(m, m.offset, m.bytes(), 0)
		return nil
	})
}

// Write implements [backend.Memory]. It waits until src has been copied. A
// failure is sticky, and Read and Sync return it.
func (d *Device) Write(dst backend.Tensor, src any) {
	backend.CheckHost(who, "Write", dst, src)
	m := d.own(dst)
	from := bytesOf(src)
	_ = d.cross("Write", func() error {
		d.upload(m, from)
		return nil
	})
}

// Read implements [backend.Memory].
func (d *Device) Read(dst any, src backend.Tensor) error {
	backend.CheckHost(who, "Read", src, dst)
	m := d.own(src)
	to := bytesOf(dst)
	return d.cross("Read", func() error {
		d.sees(gl.BUFFER_UPDATE_BARRIER_BIT)
		gl.BindBuffer(gl.COPY_READ_BUFFER, m.buffer)
		for at := 0; at < len(to); at += len(d.staging) {
			n := min(len(d.staging), len(to)-at)
			gl.GetBufferSubData(gl.COPY_READ_BUFFER, m.offset+at, n, unsafe.Pointer(&d.staging[0]))
			copy(to[at:], d.staging[:n])
		}
		return nil
	})
}

// stagingBytes is the size of the pieces in which data cross the border.
const stagingBytes = 1 << 20

// upload copies data to the elements of m. The bytes go through memory of the
// device's own: the caller's may lie in a struct with pointers, which cgo
// refuses to hand out.
func (d *Device) upload(m *memory, data []byte) {
	d.sees(gl.BUFFER_UPDATE_BARRIER_BIT)
	gl.BindBuffer(gl.COPY_WRITE_BUFFER, m.buffer)
	for at := 0; at < len(data); at += len(d.staging) {
		n := copy(d.staging, data[at:])
		gl.BufferSubData(gl.COPY_WRITE_BUFFER, m.offset+at, n, unsafe.Pointer(&d.staging[0]))
	}
}

// bytesOf returns the memory of a slice of elements or texels.
func bytesOf(slice any) []byte {
	switch s := slice.(type) {
	case []float32:
		return view(s)
	case []int32:
		return view(s)
	case []int16:
		return view(s)
	case []uint16:
		return view(s)
	case []uint8:
		return s
	}
	panic(fmt.Sprintf("%s: host data is %T", who, slice))
}

func view[E any](s []E) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(*new(E))))
}

// Guards stand before and behind the elements. The first is as long as any
// device wants buffer offsets to be aligned (at most 256 bytes, OpenGL 4.3
// table 23.63).
const (
	guardBytes = 256
	garbage    = 0xA5A5A5A5
)

// nextGuard returns the word of the next guards. Each tensor has another, so
// that a kernel cannot go unseen that copies one guard to another.
func (d *Device) nextGuard() uint32 {
	d.guards++
	return 0x5A5A5A5A ^ d.guards*0x01000193
}

// NewGuarded implements [backend.Guarded].
func (d *Device) NewGuarded(dt backend.DType, s backend.Shape) backend.Tensor {
	return d.newTensor("NewGuarded", dt, s, true)
}

// CheckGuards implements [backend.Guarded].
func (d *Device) CheckGuards(t backend.Tensor) error {
	m := d.own(t)
	if !m.guarded {
		return nil
	}
	words := make([]uint32, (guardBytes+m.bytes()+guardBytes)/4)
	err := d.wait("CheckGuards", func() error {
		d.sees(gl.BUFFER_UPDATE_BARRIER_BIT)
		gl.BindBuffer(gl.COPY_READ_BUFFER, m.buffer)
		gl.GetBufferSubData(gl.COPY_READ_BUFFER, 0, 4*len(words), unsafe.Pointer(&words[0]))
		return nil
	})
	if err != nil {
		return err
	}
	front, elements := guardBytes/4, m.bytes()/4
	for i, w := range words {
		if (i < front || i >= front+elements) && w != m.guard {
			return fmt.Errorf("tensor %v %v: guard word %d of %d is %#x, want %#x", t.Shape(), t.DType(), i-front, elements, w, m.guard)
		}
	}
	return nil
}

// allocate gives m a buffer, whatever is in it.
func (d *Device) allocate(m *memory) error {
	size := m.bytes()
	if m.guarded {
		m.offset = guardBytes
		size += 2 * guardBytes
	}
	if limit := min(d.info.Limits["MAX_SHADER_STORAGE_BLOCK_SIZE"], math.MaxInt32); int64(size) > limit {
		return fmt.Errorf("%d bytes, a storage buffer of %s holds at most %d", size, d.info.Renderer, limit)
	}
	buffer, capacity, err := d.pool.get(size)
	if err != nil {
		return err
	}
	m.buffer, m.capacity = buffer, capacity
	return nil
}

// fill puts zeros, or garbage and guards, into m.
func (d *Device) fill(m *memory) {
	if !m.guarded {
		d.clear(m, 0, m.bytes(), 0)
		return
	}
	content := uint32(garbage)
	if m.dt == backend.F32 {
		content = math.Float32bits(float32(math.NaN()))
	}
	d.clear(m, 0, guardBytes+m.bytes()+guardBytes, m.guard)
	d.clear(m, guardBytes, m.bytes(), content)
}

// clear sets words of the buffer of m.
func (d *Device) clear(m *memory, from, bytes int, word uint32) {
	if bytes == 0 {
		return
	}
	d.sees(gl.BUFFER_UPDATE_BARRIER_BIT)
	gl.BindBuffer(gl.COPY_WRITE_BUFFER, m.buffer)
	gl.ClearBufferSubData(gl.COPY_WRITE_BUFFER, gl.R32UI, from, bytes, gl.RED_INTEGER, gl.UNSIGNED_INT, unsafe.Pointer(&word))
}
