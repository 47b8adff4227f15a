//go:build cgo && !nogpu

package gpu

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"unsafe"

	"github.com/go-gl/gl/v4.3-core/gl"

	"gputrain/lut"
	"gputrain/model/backend"
	"gputrain/shaders"
)

// A texture is a table of a multiplier. The name, and the buffer behind a
// buffer texture, belong to the GL thread.
type texture struct {
	target uint32
	name   uint32
	buffer uint32
}

func (t *texture) bind(unit uint32) {
	gl.ActiveTexture(gl.TEXTURE0 + unit)
	gl.BindTexture(t.target, t.name)
}

// tables are the products and gradients of one multiplier on the device.
//
// The products are stored less their least, in 16 bits where they fit, in rows
// of 2^rowBits entries. A buffer texture has two views: one by entries, for
// gathers, and one of eight entries a texel, from which row expansion takes
// whole rows.
type tables struct {
	owner     *Device
	product   *lut.Table
	gradients lut.Gradients
	freed     bool

	forward  [4]shaders.Define // the variant of kernels that look products up
	width    int               // the macro WIDTH of kernels that expand rows
	rowBits  int
	least    int32
	products *texture // at unit 0; nil in a StorageBuffer
	rows     *texture // nil where products need 32 bits
	stored   *memory  // the products of a StorageBuffer
	dw, dx   gradient
}

// A gradient is one on the device. Rows of a full one are as long as those of
// the products, or shorter.
type gradient struct {
	variant  shaders.Define // of kernels that look it up
	width    int            // the macro WIDTH of kernels that expand rows
	rowBits  int            // of a full one; of a factored one the activation's bits
	textures []*texture     // from unit 1 on: the entries, or u and v
	rows     *texture       // of a full one, 16 bytes a texel
	rank     int            // of a factored one
	alone    [2]int         // ranks of which u, and v, is 1 everywhere; −1: none
	scale    float32        // of an int16 table
}

// kernel returns the variant of a file that looks g up.
func (g *gradient) kernel(file string) kernel { return kernel{file, [4]shaders.Define{g.variant}} }

// Product implements [backend.Tables].
func (t *tables) Product() *lut.Table { return t.product }

// Gradients implements [backend.Tables].
func (t *tables) Gradients() lut.Gradients { return t.gradients }

// NewTables implements [backend.Multiplier].
func (d *Device) NewTables(p *lut.Table, g lut.Gradients) backend.Tables {
	t := &tables{owner: d, product: p, gradients: g}
	d.newProducts(t)
	t.dw, t.dx = d.newGradient(g.DW), d.newGradient(g.DX)
	return t
}

// FreeTables implements [backend.Multiplier].
func (d *Device) FreeTables(b backend.Tables) {
	t := d.ownTables(b)
	t.freed = true
	if t.stored != nil {
		d.release(t.stored)
	}
	d.queue("FreeTables", func() error {
		views := []*texture{t.products, t.rows, t.dw.rows, t.dx.rows}
		for _, x := range slices.Concat(views, t.dw.textures, t.dx.textures) {
			if x == nil {
				continue
			}
			gl.DeleteTextures(1, &x.name)
			if x.buffer != 0 {
				gl.DeleteBuffers(1, &x.buffer)
			}
		}
		return nil
	})
}

// ownTables returns t as tables of d that are alive.
func (d *Device) ownTables(b backend.Tables) *tables {
	t, ok := b.(*tables)
	switch {
	case !ok || t.owner != d:
		panic(fmt.Sprintf("%s: the tables of %s belong to another backend", who, b.Product().Name()))
	case t.freed:
		panic(fmt.Sprintf("%s: the tables of %s have been freed", who, t.product.Name()))
	}
	return t
}

// widths returns the macro WIDTH for rows of 2^bits entries, and the bits of
// rows that long: 8, 7 or 6.
func widths(bits int) (width, rowBits int) {
	rowBits = max(6, bits)
	return 8 - rowBits, rowBits
}

// Products of which kernels add four, or eight, before they part the sum.
const (
	mostOfFour  = math.MaxUint16 / 4
	mostOfEight = math.MaxUint16 / 8
)

// newProducts makes the product table resident: 16 bits a product where they
// fit, 32 else.
func (d *Device) newProducts(t *tables) {
	all := t.product.Products()
	lo, hi := slices.Min(all), slices.Max(all)
	range16 := int64(hi) - int64(lo)
	wide := range16 > math.MaxUint16

	t.width, t.rowBits = widths(t.product.X().Bits)
	switch {
	case t.width == 2 && range16 > mostOfEight && range16 <= mostOfFour:
		t.width, t.rowBits = 1, 7
	case t.width > 0 && range16 > mostOfFour:
		t.width, t.rowBits = 0, 8
	}
	f := format{internal: gl.R16UI, external: gl.RED_INTEGER, element: gl.UNSIGNED_SHORT}
	var data any
	if wide {
		f.internal, f.element = gl.R32I, gl.INT
		data = padded(t.product, t.rowBits, func(v int32) int32 { return v })
	} else {
		t.least = lo
		data = padded(t.product, t.rowBits, func(v int32) uint16 { return uint16(v - lo) })
	}

	mode := int(d.products)
	if d.products == SharedMemory {
		mode = d.sharedMode(t, wide)
	}
	t.forward = [4]shaders.Define{{Name: "LUT_MODE", Value: mode}, {Name: "LUT_WIDE", Value: flag(wide)}}
	switch d.products {
	case BufferTexture, SharedMemory:
		t.products = d.newBufferTexture(f.internal, data)
		if !wide {
			t.rows = d.newView(t.products)
		}
		return
	case ImageTexture:
		t.products = d.newImageTexture(f, 1<<t.rowBits, t.product.W().Count(), data)
	case StorageBuffer:
		least := t.least
		stored := padded(t.product, t.rowBits, func(v int32) int32 { return v - least })
		t.stored = d.scratch("NewTables", len(stored))
		d.queue("NewTables", func() error {
			d.upload(t.stored, bytesOf(stored))
			return nil
		})
	}
	if !wide {
		t.rows = d.newBufferTexture(gl.RGBA32UI, data)
	}
}

// sharedMode returns the macro LUT_MODE for a copy of the table in shared
// memory, or for the buffer texture where the device has not that much.
func (d *Device) sharedMode(t *tables, wide bool) int {
	bytes := 2 * t.product.W().Count() << t.rowBits
	switch room := d.info.Limits["MAX_COMPUTE_SHARED_MEMORY_SIZE"]; {
	case wide:
	case bytes <= 8<<10 && room >= 8<<10:
		return sharedSmall
	case bytes <= 32<<10 && room >= 32<<10:
		return sharedLarge
	}
	return int(BufferTexture)
}

// Values of LUT_MODE for shared memory.
const (
	sharedSmall = 3
	sharedLarge = 4
)

// padded returns the products, converted, in rows of 2^bits, which end in zeros.
func padded[E int32 | uint16](t *lut.Table, bits int, convert func(int32) E) []E {
	n := make([]E, t.W().Count()<<bits)
	for w := range t.W().Count() {
		for x, v := range t.Row(w) {
			n[w<<bits|x] = convert(v)
		}
	}
	return n
}

// paddedRows returns a table of rows of columns entries in rows of 2^bits.
func paddedRows[E int16 | float32](all []E, columns, bits int) []E {
	n := make([]E, len(all)/columns<<bits)
	for w := range len(all) / columns {
		copy(n[w<<bits:], all[w*columns:][:columns])
	}
	return n
}

// newGradient makes g resident; nil stays nothing.
func (d *Device) newGradient(g *lut.Gradient) gradient {
	if g == nil {
		return gradient{}
	}
	variant := func(v int) shaders.Define { return shaders.Define{Name: "GRAD", Value: v} }
	if g.Form() == lut.Factored {
		rank, u, v := g.Factors()
		return gradient{variant: variant(2), rank: rank, rowBits: g.X().Bits,
			alone:    [2]int{ones(u, g.W().Count()), ones(v, g.X().Count())},
			textures: []*texture{d.newBufferTexture(gl.R32F, u), d.newBufferTexture(gl.R32F, v)}}
	}
	made := gradient{variant: variant(1), scale: 1}
	made.width, made.rowBits = widths(g.X().Bits)
	var entries *texture
	if stored, scale := g.Stored(); stored != nil {
		made.variant, made.scale = variant(0), scale
		entries = d.newBufferTexture(gl.R16I, paddedRows(stored, g.X().Count(), made.rowBits))
	} else {
		entries = d.newBufferTexture(gl.R32F, paddedRows(g.Values(), g.X().Count(), made.rowBits))
	}
	made.textures, made.rows = []*texture{entries}, d.newView(entries)
	return made
}

// ones returns the first of the factors of n elements each that is 1
// everywhere, or −1.
func ones(factors []float32, n int) int {
	for r := range len(factors) / n {
		if !slices.ContainsFunc(factors[r*n:][:n], func(v float32) bool { return v != 1 }) {
			return r
		}
	}
	return -1
}

// A format says how texels are stored and how they are handed over.
type format struct {
	internal, external, element uint32
}

// newBufferTexture returns a texture of as many texels as data has elements.
// At most 65,536 are asked for, which every device takes.
func (d *Device) newBufferTexture(internal uint32, data any) *texture {
	t := &texture{target: gl.TEXTURE_BUFFER}
	d.queue("NewTables", func() error {
		texels := bytesOf(data)
		gl.GenBuffers(1, &t.buffer)
		gl.BindBuffer(gl.TEXTURE_BUFFER, t.buffer)
		gl.BufferData(gl.TEXTURE_BUFFER, len(texels), unsafe.Pointer(&texels[0]), gl.STATIC_DRAW)
		if err := cmp.Or(glError(), d.fault("BufferData")); err != nil {
			return fmt.Errorf("table of %d bytes: %w", len(texels), err)
		}
		gl.GenTextures(1, &t.name)
		t.bind(0)
		gl.TexBuffer(gl.TEXTURE_BUFFER, internal, t.buffer)
		return glError()
	})
	return t
}

// newView returns a texture over the same buffer, 16 bytes a texel.
func (d *Device) newView(of *texture) *texture {
	t := &texture{target: gl.TEXTURE_BUFFER}
	d.queue("NewTables", func() error {
		gl.GenTextures(1, &t.name)
		t.bind(0)
		gl.TexBuffer(gl.TEXTURE_BUFFER, gl.RGBA32UI, of.buffer)
		return glError()
	})
	return t
}

// newImageTexture returns a texture of columns × rows texels.
func (d *Device) newImageTexture(f format, columns, rows int, data any) *texture {
	t := &texture{target: gl.TEXTURE_2D}
	d.queue("NewTables", func() error {
		gl.GenTextures(1, &t.name)
		t.bind(0)
		gl.TexStorage2D(gl.TEXTURE_2D, 1, f.internal, int32(columns), int32(rows))
		gl.PixelStorei(gl.UNPACK_ALIGNMENT, 1)
		gl.TexSubImage2D(gl.TEXTURE_2D, 0, 0, 0, int32(columns), int32(rows), f.external, f.element, unsafe.Pointer(&bytesOf(data)[0]))
		// Integer textures are incomplete, and read as zero, unless unfiltered.
		gl.TexParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST)
		gl.TexParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST)
		return glError()
	})
	return t
}
