package weights

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
)

// maxHeader bounds the header in bytes: some hundred thousand tensors. (The
// reference implementation stops at 100 MB.)
const maxHeader = 16 << 20

// metadataName is the header's entry that is not a tensor.
const metadataName = "__metadata__"

// readSafetensors reads a safetensors file of size bytes. The tensors are in
// the order of their data.
func readSafetensors(r io.ReaderAt, size int64) (*File, error) {
	var length [8]byte
	if size < int64(len(length)) {
		return nil, fmt.Errorf("%d bytes, want at least %d", size, len(length))
	}
	if err := readAt(r, length[:], 0); err != nil {
		return nil, fmt.Errorf("header length: %w", err)
	}
	n := binary.LittleEndian.Uint64(length[:])
	if n > maxHeader || int64(n) > size-8 {
		return nil, fmt.Errorf("header of %d bytes, want at most %d: neither a safetensors nor a .pth file, or cut short",
			n, min(maxHeader, size-8))
	}
	header := make([]byte, n)
	if err := readAt(r, header, 8); err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	entries, metadata, err := parseHeader(header)
	if err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	start := 8 + int64(n)
	if err := checkLayout(entries, size-start); err != nil {
		return nil, err
	}
	f := &File{Metadata: metadata}
	for _, e := range entries {
		t := Tensor{Name: e.name, DType: e.dtype, Shape: e.shape, Data: make([]byte, e.end-e.begin)}
		if err := readAt(r, t.Data, start+e.begin); err != nil {
			return nil, fmt.Errorf("tensor %q: %w", e.name, err)
		}
		f.Tensors = append(f.Tensors, t)
	}
	return f, nil
}

// readAt fills p from offset.
func readAt(r io.ReaderAt, p []byte, offset int64) error {
	n, err := r.ReadAt(p, offset)
	if n == len(p) {
		return nil
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// An entry is what the header says of one tensor.
type entry struct {
	name, dtype string
	shape       []int
	begin, end  int64
}

// checkLayout sorts entries by place, and reports data that is not of the
// length that type and shape ask for, or does not fill size bytes exactly.
func checkLayout(entries []entry, size int64) error {
	slices.SortStableFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end))
	})
	at := int64(0)
	for _, e := range entries {
		want, err := byteLen(e.dtype, e.shape)
		if err != nil {
			return fmt.Errorf("tensor %q: %w", e.name, err)
		}
		switch {
		case e.end < e.begin || e.end > size:
			return fmt.Errorf("tensor %q: data [%d, %d) outside the %d bytes of data: cut short?", e.name, e.begin, e.end, size)
		case e.end-e.begin != want:
			return fmt.Errorf("tensor %q: %d bytes of data, want %d for %s %v", e.name, e.end-e.begin, want, e.dtype, e.shape)
		case e.begin != at:
			return fmt.Errorf("tensor %q: data begin at %d, want %d: gap or overlap", e.name, e.begin, at)
		}
		at = e.end
	}
	if at != size {
		return fmt.Errorf("the tensors end at byte %d of %d of data", at, size)
	}
	return nil
}

// parseHeader reads the header token by token, as encoding/json would let a
// repeated or misspelt key pass.
func parseHeader(header []byte) (entries []entry, metadata map[string]string, err error) {
	if !utf8.Valid(header) {
		return nil, nil, errors.New("not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(header))
	dec.UseNumber()
	err = parseObject(dec, func(name string) error {
		if name == metadataName {
			metadata = make(map[string]string)
			return parseObject(dec, func(key string) error {
				v, err := parseString(dec)
				metadata[key] = v
				return err
			})
		}
		e, err := parseEntry(dec, name)
		entries = append(entries, e)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, nil, errors.New("something follows the JSON object")
	}
	return entries, metadata, nil
}

func parseEntry(dec *json.Decoder, name string) (entry, error) {
	e := entry{name: name}
	fields := 0
	err := parseObject(dec, func(key string) (err error) {
		fields++
		switch key {
		case "dtype":
			e.dtype, err = parseString(dec)
		case "shape":
			e.shape, err = parseShape(dec)
		case "data_offsets":
			var o []int
			o, err = parseShape(dec)
			if err == nil && len(o) != 2 {
				return fmt.Errorf("%d data_offsets, want 2", len(o))
			}
			if err == nil {
				e.begin, e.end = int64(o[0]), int64(o[1])
			}
		default:
			return fmt.Errorf("unknown key %q", key)
		}
		return err
	})
	if err == nil && fields != 3 {
		err = errors.New("want dtype, shape and data_offsets")
	}
	if err != nil {
		return e, fmt.Errorf("tensor %q: %w", name, err)
	}
	return e, nil
}

// parseObject calls f for each key of an object; f reads the value.
func parseObject(dec *json.Decoder, f func(key string) error) error {
	if err := parseDelim(dec, '{'); err != nil {
		return err
	}
	seen := make(map[string]bool)
	for dec.More() {
		key, err := parseString(dec)
		if err != nil {
			return err
		}
		if seen[key] {
			return fmt.Errorf("%q appears twice", key)
		}
		seen[key] = true
		if err := f(key); err != nil {
			return err
		}
	}
	return parseDelim(dec, '}')
}

func parseDelim(dec *json.Decoder, want json.Delim) error {
	tok, err := dec.Token()
	if err != nil {
		return jsonError(err)
	}
	if tok != want {
		return fmt.Errorf("%v, want %v", tok, want)
	}
	return nil
}

func parseString(dec *json.Decoder) (string, error) {
	tok, err := dec.Token()
	if err != nil {
		return "", jsonError(err)
	}
	s, ok := tok.(string)
	if !ok {
		return "", fmt.Errorf("%v, want a string", tok)
	}
	return s, nil
}

// parseShape reads an array of integers that are not negative.
func parseShape(dec *json.Decoder) ([]int, error) {
	if err := parseDelim(dec, '['); err != nil {
		return nil, err
	}
	shape := []int{}
	for dec.More() {
		tok, err := dec.Token()
		if err != nil {
			return nil, jsonError(err)
		}
		num, _ := tok.(json.Number)
		d, err := strconv.ParseUint(num.String(), 10, 63)
		if err != nil || d > math.MaxInt {
			return nil, fmt.Errorf("%v, want an integer from 0", tok)
		}
		shape = append(shape, int(d))
	}
	return shape, parseDelim(dec, ']')
}

func jsonError(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Write writes f to w as safetensors. Tensors are placed by falling element size, of equals
// in the order of f, so that each is aligned to its elements.
func Write(w io.Writer, f *File) error {
	tensors := slices.Clone(f.Tensors)
	slices.SortStableFunc(tensors, func(a, b Tensor) int {
		return cmp.Compare(elementSize(b.DType), elementSize(a.DType))
	})
	header, err := formatHeader(tensors, f.Metadata)
	if err != nil {
		return fmt.Errorf("safetensors: %w", err)
	}
	buf := bufio.NewWriterSize(w, 1<<16)
	var length [8]byte
	binary.LittleEndian.PutUint64(length[:], uint64(len(header)))
	buf.Write(length[:]) // bufio keeps the first error for Flush
	buf.Write(header)
	for _, t := range tensors {
		buf.Write(t.Data)
	}
	return buf.Flush()
}

func formatHeader(tensors []Tensor, metadata map[string]string) ([]byte, error) {
	var h bytes.Buffer
	h.WriteByte('{')
	if metadata != nil {
		for k, v := range metadata {
			if !utf8.ValidString(k) || !utf8.ValidString(v) {
				return nil, fmt.Errorf("metadata %q: not UTF-8", k)
			}
		}
		text, err := json.Marshal(metadata) // sorts the keys
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&h, "%q:%s", metadataName, text)
	}
	seen := map[string]bool{metadataName: true}
	at := 0
	for _, t := range tensors {
		if err := t.check(); err != nil {
			return nil, err
		}
		if seen[t.Name] {
			return nil, fmt.Errorf("tensor %q: the name is taken", t.Name)
		}
		if !utf8.ValidString(t.Name) {
			return nil, fmt.Errorf("tensor %q: the name is not UTF-8", t.Name)
		}
		seen[t.Name] = true
		name, err := json.Marshal(t.Name)
		if err != nil {
			return nil, err
		}
		shape, err := json.Marshal(append([]int{}, t.Shape...)) // [], not null
		if err != nil {
			return nil, err
		}
		if h.Len() > 1 {
			h.WriteByte(',')
		}
		fmt.Fprintf(&h, `%s:{"dtype":%q,"shape":%s,"data_offsets":[%d,%d]}`, name, t.DType, shape, at, at+len(t.Data))
		at += len(t.Data)
	}
	h.WriteByte('}')
	for h.Len()%8 != 0 { // data begin on a multiple of 8
		h.WriteByte(' ')
	}
	if h.Len() > maxHeader {
		return nil, fmt.Errorf("header of %d bytes, want at most %d", h.Len(), maxHeader)
	}
	return h.Bytes(), nil
}
