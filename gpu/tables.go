//go:build cgo && !nogpu

package gpu

import (
	"fmt"
	"math"
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
type tables struct {
	owner     *Device
	product   *lut.Table
	gradients lut.Gradients
	freed     bool

	forward  [2]shaders.Define // the variant of kernels that look products up
	products []*texture        // at unit 0; none in a StorageBuffer
	stored   *memory           // the products of a StorageBuffer
	dw, dx   gradient
}

// A gradient is one on the device.
type gradient struct {
	variant  shaders.Define // of kernels that look it up
	textures []*texture     // from unit 1 on
	rank     int            // of a factored one
	scale    float32        // of an int16 table
}

// kernel returns the variant of a file that looks g up.
func (g *gradient) kernel(file string) kernel { return kernel{file, [2]shaders.Define{g.variant}} }

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
		for _, all := range [][]*texture{t.products, t.dw.textures, t.dx.textures} {
			for _, x := range all {
				gl.DeleteTextures(1, &x.name)
				if x.buffer != 0 {
					gl.DeleteBuffers(1, &x.buffer)
				}
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

// newProducts makes the product table resident: 16 bits a product where they
// fit, 32 else.
func (d *Device) newProducts(t *tables) {
	all := t.product.Products()
	lo, hi := all[0], all[0]
	for _, v := range all {
		lo, hi = min(lo, v), max(hi, v)
	}
	f := format{internal: gl.R32I, external: gl.RED_INTEGER, element: gl.INT}
	data := any(all)
	signed := 1
	switch {
	case 0 <= lo && hi <= math.MaxUint16:
		signed = 0
		f.internal, f.element = gl.R16UI, gl.UNSIGNED_SHORT
		data = narrow[uint16](all)
	case math.MinInt16 <= lo && hi <= math.MaxInt16:
		f.internal, f.element = gl.R16I, gl.SHORT
		data = narrow[int16](all)
	}
	t.forward = [2]shaders.Define{{Name: "LUT_MODE", Value: int(d.products)}, {Name: "LUT_SIGNED", Value: signed}}
	switch d.products {
	case BufferTexture:
		t.products = []*texture{d.newBufferTexture(f.internal, data)}
	case ImageTexture:
		t.products = []*texture{d.newImageTexture(f, t.product.X().Count(), t.product.W().Count(), data)}
	case StorageBuffer:
		t.stored = d.scratch("NewTables", len(all))
		d.queue("NewTables", func() error {
			d.upload(t.stored, bytesOf(all))
			return nil
		})
	}
}

func narrow[E int16 | uint16](v []int32) []E {
	n := make([]E, len(v))
	for i, v := range v {
		n[i] = E(v)
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
		return gradient{variant: variant(2), rank: rank,
			textures: []*texture{d.newBufferTexture(gl.R32F, u), d.newBufferTexture(gl.R32F, v)}}
	}
	if stored, scale := g.Stored(); stored != nil {
		return gradient{variant: variant(0), scale: scale, textures: []*texture{d.newBufferTexture(gl.R16I, stored)}}
	}
	return gradient{variant: variant(1), textures: []*texture{d.newBufferTexture(gl.R32F, g.Values())}}
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
		gl.GenTextures(1, &t.name)
		t.bind(0)
		gl.TexBuffer(gl.TEXTURE_BUFFER, internal, t.buffer)
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
