package dataset

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/nlpodyssey/gopickle/pickle"
	"github.com/nlpodyssey/gopickle/types"
)

// Bounds on a pickle, far above what a batch of CIFAR needs: 50,000 images have
// a quarter of a million operations.
const (
	maxPickleOps   = 1 << 20
	maxPickleMarks = 32  // open at once
	maxPickleLine  = 256 // bytes of a name or a number in decimal
)

// pickleArguments tells what follows each operation that plain data are made of:
// numbers, strings, lists, tuples, dictionaries, and the calls that make arrays
// (Python Library Reference, "pickletools"). All others are refused: those of
// protocol 0, whose strings are escaped text, and those that objects of classes
// need.
var pickleArguments = map[byte]pickleArgument{
	'(': open, '.': 0, '0': 0, '2': 0, '1': shut,
	'I': line, 'J': 4, 'K': 1, 'M': 2, 'G': 8, 'L': line, 'N': 0, 0x88: 0, 0x89: 0, 0x8a: counted1,
	'T': counted4, 'U': counted1, 'X': counted4, 'B': counted4, 'C': counted1,
	0x8c: counted1, 0x8d: counted8, 0x8e: counted8, 0x96: counted8,
	'}': 0, ']': 0, ')': 0, 't': shut, 'l': shut, 'd': shut, 'e': shut, 'u': shut, 'a': 0, 's': 0, 0x85: 0, 0x86: 0, 0x87: 0,
	'h': 1, 'j': 4, 'q': 1, 'r': 4, 0x94: 0,
	'c': twoLines, 0x93: 0, 'R': 0, 'b': 0,
	0x80: 1, 0x95: frame,
}

// A pickleArgument is a number of bytes, or one of these.
type pickleArgument int

const (
	line pickleArgument = -1 - iota
	twoLines
	counted1 // a length of 1 byte, and so many bytes
	counted4
	counted8
	frame // a length of 8 bytes, of what is to be read at once
	open  // nothing; a mark
	shut  // nothing; ends at a mark
)

// checkPickle walks the operations of a pickle and holds each length to what is
// left, so that reading it takes no memory beyond a small multiple of its own.
func checkPickle(data []byte) error {
	ops, marks, frameEnd := 0, 0, 0
	for at := 0; at < len(data); {
		start, op := at, data[at]
		at++
		arg, ok := pickleArguments[op]
		if !ok {
			return fmt.Errorf("not plain data: operation %q at byte %d; want a batch of the Python version, pickled by protocol 1 or later", op, start)
		}
		if ops++; ops > maxPickleOps {
			return fmt.Errorf("more than %d operations", maxPickleOps)
		}
		left := len(data) - at
		size := 0
		switch arg {
		case line, twoLines:
			for range map[pickleArgument]int{line: 1, twoLines: 2}[arg] {
				end := bytes.IndexByte(data[at+size:min(len(data), at+size+maxPickleLine)], '\n')
				if end < 0 {
					return fmt.Errorf("no end of line behind byte %d", start)
				}
				size += end + 1
			}
		case counted1, counted4, counted8, frame:
			width := map[pickleArgument]int{counted1: 1, counted4: 4, counted8: 8, frame: 8}[arg]
			if left < width {
				return errors.New("cut short")
			}
			var buf [8]byte
			copy(buf[:], data[at:][:width])
			n := binary.LittleEndian.Uint64(buf[:])
			if n > uint64(left-width) || n > math.MaxInt32 {
				return fmt.Errorf("%d bytes promised at byte %d, %d are left", n, start, left-width)
			}
			if op == 0x8a && (n == 0 || n > 8) {
				return fmt.Errorf("a number of %d bytes at byte %d", n, start)
			}
			size = width
			if arg == frame {
				if start < frameEnd {
					return fmt.Errorf("a frame in a frame at byte %d", start)
				}
				frameEnd = at + width + int(n)
			} else {
				size += int(n)
			}
		case open:
			if marks++; marks > maxPickleMarks {
				return fmt.Errorf("more than %d marks at byte %d", maxPickleMarks, start)
			}
		case shut:
			if marks--; marks < 0 {
				return fmt.Errorf("no mark at byte %d", start)
			}
		default:
			size = int(arg)
		}
		if size > left {
			return errors.New("cut short")
		}
		at += size
		if arg != frame && start < frameEnd && at > frameEnd {
			return fmt.Errorf("the frame ends within an operation at byte %d", start)
		}
		if op == '.' {
			return nil
		}
	}
	return errors.New("cut short")
}

// readPickle returns the dictionary that is pickled in data: its values by their
// names. Names may be bytes or text, of Python 2 or 3.
//
// A pickle is a program that may call what it names. Here it can name only what
// makes arrays, and that runs nothing; see [pickleClass].
func readPickle(data []byte) (dict map[string]any, err error) {
	if err := checkPickle(data); err != nil {
		return nil, err
	}
	defer func() {
		if p := recover(); p != nil { // the reader takes much for granted
			dict, err = nil, errors.New("damaged pickle")
		}
	}()
	u := pickle.NewUnpickler(bytes.NewReader(data))
	u.FindClass = pickleClass
	v, err := u.Load()
	if err != nil {
		var refused *pickleError
		if errors.As(err, &refused) {
			return nil, refused
		}
		return nil, errors.New("damaged pickle") // its own words may hold all that it read
	}
	entries, ok := v.(*types.Dict)
	if !ok {
		return nil, errors.New("not a dictionary; want a batch of the Python version")
	}
	dict = make(map[string]any)
	for _, e := range *entries {
		if name, ok := text(e.Key); ok {
			dict[name] = e.Value
		}
	}
	return dict, nil
}

// A pickleError is an error about what a pickle asks for.
type pickleError struct{ what string }

func (e *pickleError) Error() string { return e.what }

// text returns a string of Python 2 or 3.
func text(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case []byte:
		return string(v), true
	case *types.ByteArray:
		return string(*v), true
	}
	return "", false
}

// pickleClass returns what a pickle may name.
func pickleClass(module, name string) (any, error) {
	switch strings.Replace(module, "numpy._core", "numpy.core", 1) + "." + name { // as numpy 2 calls it
	case "numpy.core.multiarray._reconstruct":
		return call(func(...any) (any, error) { return new(array), nil }), nil
	case "numpy.ndarray":
		return nil, nil // only ever an argument of _reconstruct
	case "numpy.dtype":
		return call(newElement), nil
	case "numpy.core.numeric._frombuffer":
		return call(arrayOfBuffer), nil
	case "_codecs.encode":
		return call(encode), nil
	}
	return nil, &pickleError{fmt.Sprintf("the pickle names %.50q, which no data set needs; nothing of it was run", module+"."+name)}
}

// call makes a function callable by a pickle.
type call func(args ...any) (any, error)

// Call implements [types.Callable].
func (c call) Call(args ...any) (any, error) { return c(args...) }

// An element is the type of the numbers of an array: bytes, the only one here.
type element struct{}

func newElement(args ...any) (any, error) {
	name := ""
	if len(args) > 0 {
		name, _ = text(args[0])
	}
	if name != "u1" && name != "|u1" && name != "uint8" {
		return nil, &pickleError{fmt.Sprintf("an array of type %.20q, want bytes (u1)", name)}
	}
	return element{}, nil
}

// PySetState implements [types.PyStateSettable]: byte order and the like mean
// nothing to bytes.
func (element) PySetState(any) error { return nil }

// encode is the call that Python 3 writes bytes by for Python 2: each character
// is a byte.
func encode(args ...any) (any, error) {
	if len(args) == 2 {
		s, isText := args[0].(string)
		coding, _ := text(args[1])
		if isText && coding == "latin1" {
			b := make([]byte, 0, len(s))
			for _, r := range s {
				if r > 0xff {
					return nil, &pickleError{"bytes above 255"}
				}
				b = append(b, byte(r))
			}
			return b, nil
		}
	}
	return nil, &pickleError{"_codecs.encode of something else than latin1"}
}

// An array is a numpy array of bytes.
type array struct {
	shape   []int
	fortran bool // the first index runs fastest
	data    string
}

// PySetState implements [types.PyStateSettable]. The state is
// (version, shape, type, whether the first index runs fastest, bytes).
func (a *array) PySetState(state any) error {
	t, ok := state.(*types.Tuple)
	if !ok || t.Len() != 5 {
		return &pickleError{"an array without its five parts"}
	}
	fortran, ok := t.Get(3).(bool)
	if n, isInt := t.Get(3).(int); isInt { // of Python before 2.3
		fortran, ok = n != 0, true
	}
	if !ok {
		return &pickleError{"an array without its order"}
	}
	return a.set(t.Get(1), t.Get(2), fortran, t.Get(4))
}

// arrayOfBuffer makes an array of (bytes, type, shape, order), as protocol 5
// writes it.
func arrayOfBuffer(args ...any) (any, error) {
	if len(args) != 4 {
		return nil, &pickleError{"an array without its four parts"}
	}
	order, _ := text(args[3])
	a := new(array)
	return a, a.set(args[2], args[1], order == "F", args[0])
}

// set checks the parts of an array against each other.
func (a *array) set(shape, kind any, fortran bool, data any) error {
	dims, ok := shape.(*types.Tuple)
	if !ok {
		return &pickleError{"an array without a shape"}
	}
	if _, ok := kind.(element); !ok {
		return &pickleError{"an array without a type"}
	}
	content, ok := text(data)
	if !ok {
		return &pickleError{"an array without bytes"}
	}
	size := 1
	a.shape = nil
	for _, d := range *dims {
		n, ok := d.(int)
		if !ok || n < 1 || size > len(content)/n {
			return &pickleError{fmt.Sprintf("an array of %d bytes whose shape is another", len(content))}
		}
		size *= n
		a.shape = append(a.shape, n)
	}
	if size != len(content) {
		return &pickleError{fmt.Sprintf("an array of %d bytes, want %d by its shape", len(content), size)}
	}
	a.fortran, a.data = fortran, content
	return nil
}

// appendPickled adds a batch of the Python version to s: a dictionary of
//
//	data    array [N, 3072] of bytes
//	labels  list of N numbers (of CIFAR-100: fine_labels and coarse_labels)
//
// and more, which is not used.
func (s *Set) appendPickled(data []byte, label cifarLabel) error {
	dict, err := readPickle(data)
	if err != nil {
		return err
	}
	a, ok := dict["data"].(*array)
	if !ok {
		return errors.New(`no array "data"; want a batch of the Python version`)
	}
	if len(a.shape) != 2 || a.shape[1] != cifarImage {
		return fmt.Errorf("data of shape %v, want [N %d]", a.shape, cifarImage)
	}
	labels, ok := dict[label.key].(*types.List)
	if !ok {
		return fmt.Errorf("no list %q; want a batch of the Python version", label.key)
	}
	n := a.shape[0]
	if labels.Len() != n {
		return fmt.Errorf("%d images, but %d %s", n, labels.Len(), label.key)
	}
	for i, v := range *labels {
		l, ok := v.(int)
		if !ok {
			return fmt.Errorf("%s: label %d is no number", label.key, i)
		}
		if l < 0 || l >= label.classes {
			return fmt.Errorf("%s: label %d is %d, want 0 to %d", label.key, i, l, label.classes-1)
		}
		s.Labels = append(s.Labels, int32(l))
	}
	if !a.fortran {
		s.Images = append(s.Images, a.data...)
		return nil
	}
	for i := range n {
		for p := range cifarImage {
			s.Images = append(s.Images, a.data[p*n+i])
		}
	}
	return nil
}

// pickledNames returns the list of names that the dictionary in data has under a
// key.
func pickledNames(data []byte, key string) ([]string, error) {
	dict, err := readPickle(data)
	if err != nil {
		return nil, err
	}
	list, ok := dict[key].(*types.List)
	if !ok {
		return nil, fmt.Errorf("no list %q", key)
	}
	var names []string
	for i, v := range *list {
		name, ok := text(v)
		if !ok {
			return nil, fmt.Errorf("%s: name %d is no text", key, i)
		}
		names = append(names, name)
	}
	return names, nil
}
