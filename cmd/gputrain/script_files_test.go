package main

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/rogpeppe/go-internal/testscript"

	"gputrain/model/weights"
)

// pictures writes a folder of JPEG images as ImageNet's is: 12 + 6 of 40×30
// pixels in three classes.
func pictures(ts *testscript.TestScript, neg bool, args []string) {
	scriptUsage(ts, !neg && len(args) == 1, "pictures DIR")
	for _, s := range []struct {
		split string
		n     int
	}{{"train", 12}, {"val", 6}} {
		for i := range s.n {
			m := image.NewRGBA(image.Rect(0, 0, 40, 30))
			for p := range m.Pix {
				m.Pix[p] = uint8(80*(i%3) + (7*p+i)%60)
			}
			m.Set(0, 0, color.White)
			var b bytes.Buffer
			ts.Check(jpeg.Encode(&b, m, nil))
			dir := ts.MkAbs(filepath.Join(args[0], s.split, []string{"ant", "bee", "cat"}[i%3]))
			ts.Check(os.MkdirAll(dir, 0o777))
			ts.Check(os.WriteFile(filepath.Join(dir, fmt.Sprintf("%02d.jpg", i)), b.Bytes(), 0o666))
		}
	}
}

// spoil changes one tensor of a file of weights: nan makes its first element
// NaN, drop takes it out, cut takes off its last row.
func spoil(ts *testscript.TestScript, neg bool, args []string) {
	scriptUsage(ts, !neg && len(args) == 3, "spoil nan|drop|cut TENSOR FILE")
	path := ts.MkAbs(args[2])
	f, err := weights.ReadFile(path)
	ts.Check(err)
	i := slices.IndexFunc(f.Tensors, func(x weights.Tensor) bool { return x.Name == args[1] })
	if i < 0 {
		ts.Fatalf("%s: no tensor %s", args[2], args[1])
	}
	x := &f.Tensors[i]
	switch args[0] {
	case "nan":
		binary.LittleEndian.PutUint32(x.Data, math.Float32bits(float32(math.NaN())))
	case "drop":
		f.Tensors = slices.Delete(f.Tensors, i, i+1)
	case "cut":
		x.Data = x.Data[:len(x.Data)/x.Shape[0]*(x.Shape[0]-1)]
		x.Shape[0]--
	default:
		ts.Fatalf("spoil %s: want nan, drop or cut", args[0])
	}
	ts.Check(weights.WriteFile(path, f))
}

// claim writes a file of weights of a few bytes whose header says that one
// tensor has that many.
func claim(ts *testscript.TestScript, neg bool, args []string) {
	scriptUsage(ts, !neg && len(args) == 2, "claim BYTES FILE")
	header := fmt.Sprintf(`{"fc1.weight":{"dtype":"U8","shape":[%s],"data_offsets":[0,%s]}}`, args[0], args[0])
	text := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), append(append(text, header...), 1, 2, 3), 0o666))
}

// bomb writes a small .pth file, a zip archive, whose pickle unpacks to 256 MiB.
func bomb(ts *testscript.TestScript, neg bool, args []string) {
	scriptUsage(ts, !neg && len(args) == 1, "bomb FILE.pth")
	f, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	z := zip.NewWriter(f)
	w, err := z.Create("archive/data.pkl")
	ts.Check(err)
	zeros := make([]byte, 1<<20)
	for range 256 {
		_, err := w.Write(zeros)
		ts.Check(err)
	}
	ts.Check(z.Close())
	ts.Check(f.Close())
}
