package dataset

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// A pickler writes what Python 2 does, by protocol 2.
type pickler struct{ bytes.Buffer }

func (p *pickler) op(ops ...byte) *pickler { p.Write(ops); return p }

func (p *pickler) str(s string) *pickler {
	if len(s) < 256 {
		p.op('U', byte(len(s)))
	} else {
		n := len(s)
		p.op('T', byte(n), byte(n>>8), byte(n>>16), byte(n>>24))
	}
	p.WriteString(s)
	return p
}

func (p *pickler) num(n int) *pickler {
	return p.op('J', byte(n), byte(n>>8), byte(n>>16), byte(n>>24))
}

func (p *pickler) global(module, name string) *pickler {
	p.WriteString("c" + module + "\n" + name + "\n")
	return p
}

func (p *pickler) list(n int, item func(i int)) *pickler {
	p.op(']', '(')
	for i := range n {
		item(i)
	}
	return p.op('e')
}

// array writes a numpy array of n×m of a type.
func (p *pickler) array(n, m int, kind, data string) *pickler {
	p.global("numpy.core.multiarray", "_reconstruct").global("numpy", "ndarray").num(0).op(0x85).str("b").op(0x87, 'R')
	p.op('(').num(1).num(n).num(m).op(0x86)
	p.global("numpy", "dtype").str(kind).num(0).num(1).op(0x87, 'R')
	p.op('(').num(3).str("|").op('N', 'N', 'N').num(-1).num(-1).num(0).op('t', 'b')
	return p.op(0x89).str(data).op('t', 'b')
}

// batch writes a batch of n images.
func batch(n int, key string) []byte {
	var p pickler
	p.op(0x80, 2, '}', 'q', 1, '(').str("batch_label").str("testing").str(key)
	p.list(n, func(i int) { p.op('K', byte(i%10)) })
	var data []byte
	for r := records(n); len(r) > 0; r = r[3073:] {
		data = append(data, r[1:3073]...)
	}
	p.str("data").array(n, 3072, "u1", string(data))
	p.op('u', '.')
	return p.Bytes()
}

// TestCIFAR10Pickled reads what Python 2 pickled, among it the published files.
func TestCIFAR10Pickled(t *testing.T) {
	want, _, err := Open(Source{Name: "cifar10", Path: smallCIFAR10.folder(t)})
	if err != nil {
		t.Fatal(err)
	}
	var meta pickler
	meta.op(0x80, 2, '}', '(').str("label_names").list(10, func(i int) { meta.str(want.Classes[i]) }).op('u', '.')
	small := files{"data_batch_1": batch(7, "labels"), "data_batch_2": batch(4, "labels"), "test_batch": batch(3, "labels"),
		"batches.meta": meta.Bytes(), "readme.html": []byte("<html>")}
	train, test, err := Open(Source{Name: "cifar10", Path: small.folder(t)})
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, train, want)
	if test.Len() != 3 {
		t.Errorf("%d images to test on", test.Len())
	}
	_, _, err = Open(Source{Name: "cifar10", Path: small.with(files{"batches.meta": batch(1, "labels")}).folder(t)})
	wantError(t, err, "batches.meta", `no list "label_names"`)
}

// pickled writes a dictionary of one image, with what is given in place of its
// data and its labels.
func pickled(data, labels func(p *pickler)) []byte {
	var p pickler
	p.op(0x80, 2, '}', '(').str("data")
	data(&p)
	p.str("labels")
	labels(&p)
	p.op('u', '.')
	return p.Bytes()
}

func TestPickleFaults(t *testing.T) {
	good := batch(2, "labels")
	image := func(p *pickler) { p.array(1, 3072, "u1", strings.Repeat("x", 3072)) }
	one := func(p *pickler) { p.op(']', 'K', 1, 'a') }
	if err := new(Set).appendPickled(pickled(image, one), cifar10.labels[0]); err != nil {
		t.Fatal(err)
	}
	frame := func(n byte, ops ...byte) []byte {
		return append([]byte{0x80, 4, 0x95, n, 0, 0, 0, 0, 0, 0, 0}, ops...)
	}
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "cut short"},
		{"no pickle", []byte("Hello"), `operation 'H'`},
		{"protocol 0", []byte("(dp0\nS'data'\np1\n"), "protocol 1 or later"},
		{"a call", []byte("cos\nsystem\nU\x04rm *\x85R."), `names "os.system"`},
		{"a call, by text", frame(30, []byte("\x8c\x02os\x8c\x06system\x93U\x04rm *\x85R.")...)[:2+9+23], "promised"},
		{"a call, by stack", []byte("\x80\x04\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c\x02ls\x94\x85\x94R\x94."), `names "posix.system"`},
		{"an evaluation", []byte("c__builtin__\neval\nU\x011\x85R."), `names "__builtin__.eval"`},
		{"an object", []byte("(ios\nsystem\n."), "operation 'i'"},
		{"10 GB", []byte("T\xff\xff\xff\x7f123"), "promised"},
		{"bytes below 0", []byte("T\xff\xff\xff\xff123"), "promised"},
		{"2⁶³ bytes", []byte("\x8e\xff\xff\xff\xff\xff\xff\xff\x7f123"), "promised"},
		{"a frame too long", frame(200, '.'), "promised"},
		{"a frame in a frame", append(frame(20, frame(3, 'N', 'N', '.')[2:]...), make([]byte, 9)...), "frame in a frame"},
		{"a frame that cuts", frame(1, 'K', 1, '.'), "ends within"},
		{"marks", bytes.Repeat([]byte("("), 100), "more than 32 marks"},
		{"no mark", []byte("Nt."), "no mark"},
		{"operations", bytes.Repeat([]byte("N"), 1<<21), "more than 1048576 operations"},
		{"no end of line", []byte("c" + strings.Repeat("x", 1000)), "no end of line"},
		{"a long number", append([]byte{0x8a, 200}, make([]byte, 200)...), "a number of 200 bytes"},
		{"no dictionary", []byte("]."), "not a dictionary"},
		{"empty stack", []byte("."), "damaged"},
		{"odd dictionary", []byte("(Nd."), "damaged"},
		{"no data", []byte("}."), `no array "data"`},
		{"no labels", batch(2, "labeln"), `no list "labels"`},
		{"half", good[:len(good)/2], "promised"},
		{"no stop", good[:len(good)-1], "cut short"},
		{"shape", pickled(func(p *pickler) { p.array(2, 1536, "u1", strings.Repeat("x", 3072)) }, one), "shape [2 1536]"},
		{"bytes", pickled(func(p *pickler) { p.array(1, 3072, "u1", "x") }, one), "array of 1 bytes whose shape"},
		{"too many bytes", pickled(func(p *pickler) { p.array(1, 3072, "u1", strings.Repeat("x", 3073)) }, one), "3073 bytes, want 3072"},
		{"a huge shape", pickled(func(p *pickler) { p.array(1<<30, 1<<30, "u1", "x") }, one), "whose shape is another"},
		{"a shape below 0", pickled(func(p *pickler) { p.array(-1, -3072, "u1", strings.Repeat("x", 3072)) }, one), "whose shape is another"},
		{"type", pickled(func(p *pickler) { p.array(1, 384, "f8", strings.Repeat("x", 3072)) }, one), `type "f8"`},
		{"number of labels", pickled(image, func(p *pickler) { p.op(']') }), "1 images, but 0 labels"},
		{"label", pickled(image, func(p *pickler) { p.op(']', 'K', 10, 'a') }), "label 0 is 10, want 0 to 9"},
		{"kind of label", pickled(image, func(p *pickler) { p.op(']', 'N', 'a') }), "label 0 is no number"},
		{"coding", []byte("c_codecs\nencode\nX\x01\x00\x00\x00aU\x03rot\x86R."), "something else than latin1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := new(Set).appendPickled(c.data, cifar10.labels[0])
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, want %q in one line", err, c.want)
			}
		})
	}
	path := files{"data_batch_1": []byte("cos\nsystem\nU\x02ls\x85R."), "test_batch": good}.folder(t)
	_, _, err := Open(Source{Name: "cifar10", Path: path})
	wantError(t, err, path, "data_batch_1", `"os.system"`, "nothing of it was run")
}

// TestPickleNumpy2 reads arrays as numpy 2 and protocol 5 name their makers.
func TestPickleNumpy2(t *testing.T) {
	var p pickler
	p.op(0x80, 5, '}', '(').str("data").global("numpy._core.numeric", "_frombuffer").op('(')
	p.op(0x96, 0, 12, 0, 0, 0, 0, 0, 0)
	p.Write(bytes.Repeat([]byte{7}, 3072))
	p.global("numpy", "dtype").str("u1").op(0x89, 0x88, 0x87, 'R').num(1).num(3072).op(0x86).str("C").op('t', 'R')
	p.str("labels").op(']', 'K', 9, 'a').op('u', '.')
	var s Set
	if err := s.appendPickled(p.Bytes(), cifar10.labels[0]); err != nil {
		t.Fatal(err)
	}
	if s.Labels[0] != 9 || !bytes.Equal(s.Images, bytes.Repeat([]byte{7}, 3072)) {
		t.Errorf("label %d, pixels %v", s.Labels[0], s.Images[:10])
	}
}

func FuzzPickle(f *testing.F) {
	f.Add(batch(1, "labels"))
	f.Add(pickled(func(p *pickler) { p.array(1, 4, "u1", "abcd") }, func(p *pickler) { p.op(']', 'K', 1, 'a') }))
	f.Add([]byte("c__builtin__\neval\nU\x011\x85R."))
	f.Add([]byte("\x80\x04\x95\x06\x00\x00\x00\x00\x00\x00\x00\x8c\x01a\x94N."))
	f.Add([]byte("ccollections\nOrderedDict\n)R(]Nu."))
	f.Add([]byte("(lp0\n."))
	for i, ops := range []string{"N0.", "K\x01M\x01\x02J\x01\x02\x03\x04G12345678\x88\x89I5\nL7L\n\x8a\x01\x7f(1ttt.", "}]q\x05h\x05r\x01\x00\x00\x00j\x01\x00\x00\x00\x86b."} {
		f.Add([]byte(fmt.Sprintf("\x80%c%s", i+2, ops)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var s Set
		if err := s.appendPickled(data, cifar10.labels[0]); err != nil {
			if len(err.Error()) > 300 || strings.Contains(err.Error(), "\n") {
				t.Fatalf("error of %d bytes: %.300q", len(err.Error()), err)
			}
			return
		}
		if len(s.Images) != 3072*s.Len() || len(s.Images) > len(data) {
			t.Fatalf("%d bytes of images, %d labels, of %d bytes", len(s.Images), s.Len(), len(data))
		}
	})
}
