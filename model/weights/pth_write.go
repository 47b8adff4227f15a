package weights

import (
	"archive/zip"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"strings"
)

const (
	// recordAlign is where the content of records begins, as torch.save has
	// it: others map such files into memory.
	recordAlign = 64

	// topFolder is the folder of all records.
	topFolder = "archive"
)

// WritePTH writes f to w as torch.save of PyTorch 1.6 and later writes a state
// dict, in the order of f. torch.load(FILE, weights_only=True) reads it.
//
// The metadata stand in the attribute _metadata of the state dict, where
// PyTorch keeps the versions of modules by name, under the name "gputrain":
// torch.load(FILE)._metadata["gputrain"] is a dictionary of strings, and
// load_state_dict looks up its own modules only.
func WritePTH(w io.Writer, f *File) error {
	if err := f.checkNames(); err != nil {
		return fmt.Errorf("pth: %w", err)
	}
	pickle, err := formatState(f)
	if err != nil {
		return fmt.Errorf("pth: %w", err)
	}
	z := &recordWriter{w: &countingWriter{w: w}}
	z.zip = zip.NewWriter(z.w)
	if err := z.add("data.pkl", pickle); err != nil {
		return err
	}
	if err := z.add("byteorder", []byte("little")); err != nil {
		return err
	}
	for i, t := range f.Tensors {
		if err := z.add(fmt.Sprintf("data/%d", i), t.Data); err != nil {
			return err
		}
	}
	if err := z.add("version", []byte("3\n")); err != nil { // of the archive: PyTorch 1.6 and later read it
		return err
	}
	return z.zip.Close()
}

// A recordWriter writes the records of an archive.
type recordWriter struct {
	zip *zip.Writer
	w   *countingWriter
}

// add writes a record that is stored, its content aligned by an extra field
// before it.
func (z *recordWriter) add(name string, content []byte) error {
	if len(content) >= math.MaxUint32 {
		return fmt.Errorf("pth: record %s of %d bytes, want less than 4 GiB", name, len(content))
	}
	if err := z.zip.Flush(); err != nil {
		return err
	}
	name = topFolder + "/" + name
	const localHeader, fieldHeader = 30, 4
	begin := z.w.n + localHeader + int64(len(name)) + fieldHeader
	pad := int(-begin & (recordAlign - 1))
	extra := []byte("FB") // the id that PyTorch gives to padding
	extra = binary.LittleEndian.AppendUint16(extra, uint16(pad))
	extra = append(extra, strings.Repeat("Z", pad)...)
	r, err := z.zip.CreateRaw(&zip.FileHeader{
		Name: name, Method: zip.Store, Extra: extra, CRC32: crc32.ChecksumIEEE(content),
		CompressedSize64: uint64(len(content)), UncompressedSize64: uint64(len(content)),
	})
	if err != nil {
		return err
	}
	_, err = r.Write(content)
	return err
}

type countingWriter struct {
	w io.Writer
	n int64
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// formatState writes the pickle of a state dict, an OrderedDict of tensors.
func formatState(f *File) ([]byte, error) {
	p := &pickler{}
	p.op(0x80, 2) // PROTO
	p.orderedDict()
	p.op('(')
	for i, t := range f.Tensors {
		if err := t.check(); err != nil {
			return nil, err
		}
		p.text(t.Name)
		if err := p.tensor(fmt.Sprint(i), t); err != nil {
			return nil, err
		}
	}
	p.op('u') // SETITEMS
	if len(f.Metadata) > 0 {
		p.op('}')
		p.text("_metadata")
		p.orderedDict()
		p.text(metadataModule)
		p.op('}', '(')
		for _, key := range sortedKeys(f.Metadata) {
			p.text(key)
			p.text(f.Metadata[key])
		}
		p.op('u', 's', 's', 'b') // SETITEMS SETITEM SETITEM BUILD
	}
	p.op('.')
	if len(p.b) > maxPickle {
		return nil, fmt.Errorf("a pickle of %d bytes, want at most %d", len(p.b), maxPickle)
	}
	return p.b, p.err
}

// A pickler writes operations of protocol 2. It keeps the first error.
type pickler struct {
	b   []byte
	err error
}

func (p *pickler) op(codes ...byte) { p.b = append(p.b, codes...) }

// global pushes a class or function.
func (p *pickler) global(module, name string) {
	p.b = append(p.b, "c"+module+"\n"+name+"\n"...)
}

// text pushes a string.
func (p *pickler) text(s string) {
	if len(s) > maxPickle && p.err == nil {
		p.err = errors.New("a name or metadata too long for the file")
		return
	}
	p.op('X')
	p.b = binary.LittleEndian.AppendUint32(p.b, uint32(len(s)))
	p.b = append(p.b, s...)
}

// integer pushes an integer from 0.
func (p *pickler) integer(n int) {
	switch {
	case n < 1<<8:
		p.op('K', byte(n))
	case n < 1<<31:
		p.op('J')
		p.b = binary.LittleEndian.AppendUint32(p.b, uint32(n))
	default:
		p.op(0x8a, 8) // LONG1
		p.b = binary.LittleEndian.AppendUint64(p.b, uint64(n))
	}
}

// orderedDict pushes an empty OrderedDict.
func (p *pickler) orderedDict() {
	p.global("collections", "OrderedDict")
	p.op(')', 'R')
}

// tensor pushes a tensor that has a storage of its own, of the given key.
func (p *pickler) tensor(key string, t Tensor) error {
	var class string
	for name, dtype := range storageClasses {
		if dtype == t.DType {
			class = name
		}
	}
	if class == "" {
		return fmt.Errorf("tensor %q: PyTorch has no type %s", t.Name, t.DType)
	}
	module, name, _ := strings.Cut(class, ".")
	numel := len(t.Data) / elementSize(t.DType)

	p.global("torch._utils", "_rebuild_tensor_v2")
	p.op('(', '(')
	p.text("storage")
	p.global(module, name)
	p.text(key)
	p.text("cpu")
	p.integer(numel)
	p.op('t', 'Q') // TUPLE BINPERSID
	p.integer(0)   // offset
	p.op('(')
	for _, d := range t.Shape {
		p.integer(d)
	}
	p.op('t', '(')
	for _, s := range rowMajor(t.Shape) {
		p.integer(s)
	}
	p.op('t', 0x89) // requires_grad: False
	p.orderedDict() // hooks: none
	p.op('t', 'R')
	return nil
}

// rowMajor returns the strides of elements in a row.
func rowMajor(shape []int) []int {
	strides := make([]int, len(shape))
	step := 1
	for i := len(shape) - 1; i >= 0; i-- {
		strides[i] = step
		step *= max(shape[i], 1)
	}
	return strides
}
