package weights

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// What a pickle may be. The machine that runs it takes up to some 256 bytes an
// operation, so these bound its memory. A state dict has about 45 operations
// and 250 bytes a tensor.
const (
	maxPickle     = 16 << 20 // bytes
	maxOperations = 1 << 19
	maxInteger    = 16   // bytes of an integer
	maxGlobal     = 1024 // bytes of the name of a module or class
)

// An argument is what follows the code of an operation in a pickle.
type argument int8

const (
	refused argument = iota // an operation that torch.save does not write
	none
	fixed1 // so many bytes
	fixed2
	fixed4
	fixed8
	counted1 // a length of so many bytes, little-endian, then what it counts
	counted4
	counted8
	integer // counted1, short
	lines2  // two lines: the names of a module and of a class
	frame   // the length, 8 bytes, of what follows
)

// arguments lists the operations of protocols 2 to 5 (Python's pickletools)
// that build data. Those of protocols 0 and 1 that hold numbers as text are not
// written since, those of the extension registry and of buffers out of band
// mean nothing in a file.
var arguments = [256]argument{
	'(': none, '.': none, '0': none, '1': none, '2': none, // MARK STOP POP POP_MARK DUP
	'N': none, 0x88: none, 0x89: none, // NONE NEWTRUE NEWFALSE
	'J': fixed4, 'K': fixed1, 'M': fixed2, 0x8a: integer, 'G': fixed8, // BININT BININT1 BININT2 LONG1 BINFLOAT
	'T': counted4, 'U': counted1, 'B': counted4, 'C': counted1, 0x8e: counted8, // strings and bytes
	'X': counted4, 0x8c: counted1, 0x8d: counted8, // BINUNICODE SHORT_BINUNICODE BINUNICODE8
	't': none, ')': none, 0x85: none, 0x86: none, 0x87: none, // tuples
	'l': none, ']': none, 'a': none, 'e': none, // lists
	'd': none, '}': none, 's': none, 'u': none, // dictionaries
	0x8f: none, 0x90: none, 0x91: none, // sets
	'c': lines2, 0x93: none, 'R': none, 'b': none, 0x81: none, // GLOBAL STACK_GLOBAL REDUCE BUILD NEWOBJ
	'Q': none,                                                      // BINPERSID
	'h': fixed1, 'j': fixed4, 'q': fixed1, 'r': fixed4, 0x94: none, // memo
	0x80: fixed1, 0x95: frame, // PROTO FRAME
}

var errPickleCut = errors.New("a pickle is cut short")

// scanPickle walks the operations of the pickle at the head of b without
// running them, and returns its length. It reports an operation that is not of
// the list, a length beyond the end, and a pickle over the limits.
func scanPickle(b []byte) (int, error) {
	at := 0
	for n := 0; at < len(b); n++ {
		if n == maxOperations {
			return 0, fmt.Errorf("a pickle of over %d operations", maxOperations)
		}
		code, rest := b[at], b[at+1:]
		size, err := argumentSize(code, rest)
		if err != nil {
			return 0, fmt.Errorf("byte %d of a pickle: %w", at, err)
		}
		if size > uint64(len(rest)) {
			return 0, errPickleCut
		}
		at += 1 + int(size)
		if at > maxPickle {
			return 0, fmt.Errorf("a pickle of over %d bytes", maxPickle)
		}
		if code == '.' {
			return at, nil
		}
	}
	return 0, errPickleCut
}

// argumentSize returns the bytes of the argument of code that rest begins with.
// They may be more than there are.
func argumentSize(code byte, rest []byte) (uint64, error) {
	le := binary.LittleEndian
	switch arguments[code] {
	case none:
		return 0, nil
	case fixed1:
		return 1, nil
	case fixed2:
		return 2, nil
	case fixed4:
		return 4, nil
	case fixed8:
		return 8, nil
	case counted1, integer:
		if len(rest) < 1 {
			return 0, errPickleCut
		}
		if n := rest[0]; arguments[code] == integer && (n == 0 || n > maxInteger) {
			return 0, fmt.Errorf("an integer of %d bytes, want 1 to %d", n, maxInteger)
		}
		return 1 + uint64(rest[0]), nil
	case counted4:
		if len(rest) < 4 {
			return 0, errPickleCut
		}
		return 4 + uint64(le.Uint32(rest)), nil
	case counted8:
		if len(rest) < 8 {
			return 0, errPickleCut
		}
		n := le.Uint64(rest)
		if n > uint64(len(rest)-8) {
			return 0, errPickleCut
		}
		return 8 + n, nil
	case frame:
		if len(rest) < 8 || le.Uint64(rest) > uint64(len(rest)-8) {
			return 0, errPickleCut
		}
		return 8, nil
	case lines2:
		size := 0
		for range 2 {
			n := bytes.IndexByte(rest[size:min(len(rest), size+maxGlobal)], '\n')
			if n < 0 {
				return 0, errors.New("the name of a class has no end")
			}
			size += n + 1
		}
		return uint64(size), nil
	}
	return 0, fmt.Errorf("operation %#02x, which torch.save does not write", code)
}
