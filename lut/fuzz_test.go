package lut

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// fuzzOptions makes LoadOptions of the bits of b.
func fuzzOptions(b byte) LoadOptions {
	o := LoadOptions{
		Order: []string{"", "wx", "xw", "xw"}[b&3],
		Codes: []string{"", "ascending", "twos", "twos"}[b>>2&3],
	}
	if b&16 != 0 {
		v := b&32 != 0
		o.Signed = &v
	}
	return o
}

// fuzzRoundTrip reads data. What is accepted must be the same after it has been
// written and read again.
func fuzzRoundTrip(t *testing.T, f Format, data []byte, options byte) {
	l, err := f.Read(bytes.NewReader(data), "fuzz", fuzzOptions(options))
	if err != nil {
		return
	}
	var b bytes.Buffer
	if err := f.Write(&b, l.Table, l.Gradients); err != nil {
		t.Fatalf("cannot be written: %v", err)
	}
	o := LoadOptions{} // an .npz tells the sign of each operand
	if f.Name != "npz" {
		o.Signed = &l.Table.w.Signed
	}
	if f.Name == "bytes32" {
		o.Order = "wx" // as written
	}
	again, err := f.Read(&b, "fuzz", o)
	if err != nil {
		t.Fatalf("cannot be read again: %v", err)
	}
	if again.Table.sha != l.Table.sha {
		t.Fatal("another table when read again")
	}
	for _, d := range [][2]*Gradient{{l.Gradients.DW, again.Gradients.DW}, {l.Gradients.DX, again.Gradients.DX}} {
		was, is := d[0], d[1]
		if was == nil || is == nil {
			if was != is {
				t.Fatal("a gradient came or went")
			}
			continue
		}
		if was.form != is.form || was.rank != is.rank || !slices.Equal(was.full, is.full) ||
			!slices.Equal(was.u, is.u) || !slices.Equal(was.v, is.v) || !slices.Equal(was.stored, is.stored) {
			t.Fatal("another gradient when read again")
		}
	}
}

// seed adds what f writes of small tables of every kind.
func seed(f *testing.F, format Format) {
	for _, operands := range [][2]Operand{{Unsigned(2), Unsigned(2)}, {Signed(2), Signed(2)}, {Unsigned(3), Signed(2)}} {
		w, x := operands[0], operands[1]
		t := New("seed", w, x, func(W, X int) int { return W*X ^ 1 })
		q := make([]int16, len(t.p))
		for i := range q {
			q[i] = int16(3*i - 7)
		}
		full, err := NewFullInt16(w, x, q, mengScale)
		if err != nil {
			f.Fatal(err)
		}
		factored, err := NewFactored(w, x, 1, make([]float32, w.Count()), make([]float32, x.Count()))
		if err != nil {
			f.Fatal(err)
		}
		for _, g := range []Gradients{{}, {DW: full, DX: full}, {DW: factored, DX: factored}} {
			var b bytes.Buffer
			if err := format.Write(&b, t, g); err != nil {
				continue // the format holds no such thing
			}
			for _, options := range []byte{0, 2, 16, 48, 58} {
				f.Add(b.Bytes(), options)
				f.Add(b.Bytes()[:b.Len()/2], options)
			}
		}
	}
}

func FuzzReadNPY(f *testing.F) {
	seed(f, npyFormat)
	for _, dict := range []string{
		"{'shape': (4, 4), 'descr': '>u8', 'fortran_order': True}",
		"{'descr': '<i8', 'fortran_order': False, 'shape': (99999999999, 99999999999), }",
		"{'descr': '<i4', 'fortran_order': False, 'shape': (4L, 4L), } \n",
	} {
		head := append([]byte(npyMagic), 1, 0, byte(len(dict)), 0)
		f.Add(append(append(head, dict...), make([]byte, 128)...), byte(0))
	}
	f.Fuzz(func(t *testing.T, data []byte, options byte) { fuzzRoundTrip(t, npyFormat, data, options) })
}

func FuzzReadNPZ(f *testing.F) {
	seed(f, npzFormat)
	f.Fuzz(func(t *testing.T, data []byte, options byte) { fuzzRoundTrip(t, npzFormat, data, options) })
}

// FuzzReadNPZArrays changes the arrays inside an archive, which checksums hide
// from FuzzReadNPZ. An empty array is left out.
func FuzzReadNPZArrays(f *testing.F) {
	npy := func(rows, cols int, float bool) []byte {
		var b bytes.Buffer
		var err error
		if float {
			err = writeArray(&b, rows, cols, make([]float32, rows*cols))
		} else {
			err = writeArray(&b, rows, cols, []int32{3, 1, 2, 0, 64: 0}[:rows*cols])
		}
		if err != nil {
			f.Fatal(err)
		}
		return b.Bytes()
	}
	am, operands := npy(8, 4, false), npy(2, 2, false)
	f.Add(am, operands, []byte{}, []byte{}, []byte{})
	f.Add(am, operands, npy(8, 4, true), []byte{}, []byte{})
	f.Add(am, operands, []byte{}, npy(2, 8, true), npy(2, 4, true))
	f.Add(am, []byte{}, npy(8, 4, true), npy(1, 8, true), npy(1, 4, true))
	f.Fuzz(func(t *testing.T, am, operands, full, u, v []byte) {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for name, data := range map[string][]byte{"am": am, "operands": operands, "dw": full, "dw_u": u, "dw_v": v, "dx": full, "dx_u": u, "dx_v": v} {
			if len(data) == 0 {
				continue
			}
			w, err := z.CreateHeader(&zip.FileHeader{Name: name + ".npy", Method: zip.Store})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write(data); err != nil {
				t.Fatal(err)
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		fuzzRoundTrip(t, npzFormat, b.Bytes(), 0)
	})
}

func FuzzReadMeng(f *testing.F) {
	seed(f, mengFormat)
	text := mengTitles[0] + "\n0 0 0\n" // a first line of the authors' files
	f.Add([]byte(text), byte(0))
	f.Add([]byte("\n\n"+text+mengTitles[1]+"\n0 0 32768\n"+mengTitles[2]+"\n-128 255 1 1\n"), byte(0))
	f.Fuzz(func(t *testing.T, data []byte, options byte) { fuzzRoundTrip(t, mengFormat, data, options) })
}

func FuzzReadAdapt(f *testing.F) {
	seed(f, adaptFormat)
	f.Add([]byte("/* */ #if\nconst __device__ unsigned short lut[4][4] = {{1,-2,+3,4,},{1,2,3,4},{1,2,3,4},{1,2,3,4},}; // \n#endif"), byte(16))
	f.Fuzz(func(t *testing.T, data []byte, options byte) {
		detectAdapt("", data)
		fuzzRoundTrip(t, adaptFormat, data, options)
	})
}

func FuzzReadApproxTorch(f *testing.F) {
	seed(f, approxTorchFormat)
	f.Add([]byte("# exact\n\n0 0 0 0\r\n0\t1 2 3 # row 1\n0 2 4 6\n0 3 6 9"), byte(0))
	f.Fuzz(func(t *testing.T, data []byte, options byte) {
		detectApproxTorch("", data)
		fuzzRoundTrip(t, approxTorchFormat, data, options)
	})
}

func FuzzReadBytes32(f *testing.F) {
	seed(f, bytes32Format)
	f.Add(make([]byte, 64), byte(1))
	f.Add(bytes.Repeat([]byte{0xff, 0x80, 1, 0}, 64), byte(2))
	f.Fuzz(func(t *testing.T, data []byte, options byte) { fuzzRoundTrip(t, bytes32Format, data, options) })
}

// FuzzReadTFApprox lays data over a table, since one of another size is no table.
func FuzzReadTFApprox(f *testing.F) {
	f.Add([]byte{1, 2, 3}, byte(0), true)
	f.Add(bytes.Repeat([]byte{0, 0x80, 0xff, 0x7f}, 1000), byte(48), true)
	f.Add([]byte("short"), byte(0), false)
	f.Fuzz(func(t *testing.T, data []byte, options byte, whole bool) {
		if whole && len(data) < tfapproxSize {
			data = append(data, make([]byte, tfapproxSize-len(data))...)
		}
		fuzzRoundTrip(t, tfapproxFormat, data, options)
	})
}

// FuzzReadApproxTrain: what is accepted holds significands in range, and is no
// table.
func FuzzReadApproxTrain(f *testing.F) {
	f.Add([]byte{0x00, 0x01, 0x01, 0x80})
	f.Add(bytes.Repeat([]byte{0x02, 0x83}, 32))
	f.Add([]byte{0x7f, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := approxTrainFormat.Read(bytes.NewReader(data), "fuzz", LoadOptions{}); err == nil {
			t.Fatal("read as a table")
		}
		m, err := readMantissa(bytes.NewReader(data), "fuzz")
		if err != nil {
			return
		}
		n := 1 << m.bits
		for a := range n {
			for b := range n {
				if s := m.Significand(a, b); s < n || s >= 4*n {
					t.Fatalf("significand(%d, %d) = %d of %d bits", a, b, s, m.bits)
				}
			}
		}
		if s := m.Metrics(); !(s.MRED >= 0 && s.WCRE >= s.MRED && s.ER <= 1) {
			t.Fatalf("metrics %+v", s)
		}
	})
}

// FuzzParseSpec: a spec that is accepted is the same after it has been printed
// and read again, and has a table.
func FuzzParseSpec(f *testing.F) {
	for _, s := range []string{"exact:8u", "trunc:7u,cols=6,comp=48", "bam:2ux3s,v=1,h=1", "drum:4s,k=3", "kulkarni:3u", "roba:2s", "mitchell:2u", "trunc:", "drum:8u,k"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSpec(text)
		if err != nil {
			return
		}
		again, err := ParseSpec(s.String())
		if err != nil || again.String() != s.String() {
			t.Fatalf("%q is printed as %q, which is read as %q: %v", text, s, again, err)
		}
		if !IsSpec(text) {
			t.Fatalf("%q is not taken for a spec", text)
		}
		if _, err := s.Table(); err != nil {
			t.Fatalf("%q has no table: %v", text, err)
		}
	})
}

// TestNameFromPath: the name of a table is that of its file.
func TestNameFromPath(t *testing.T) {
	for path, want := range map[string]string{
		filepath.Join("a", "mul8u_rm8.npy"):     "mul8u_rm8",
		"MED_45.8873_lutfp.txt":                 "MED_45.8873_lutfp",
		"":                                      "multiplier",
		"." + string(os.PathSeparator) + ".npy": "multiplier",
		"plain":                                 "plain",
	} {
		if got := nameFromPath(path); got != want {
			t.Errorf("nameFromPath(%q) = %q, want %q", path, got, want)
		}
	}
}
