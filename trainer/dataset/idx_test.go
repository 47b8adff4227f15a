package dataset

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"
)

// idxOf returns an IDX file of bytes.
func idxOf(values []byte, dims ...uint32) []byte {
	data := []byte{0, 0, 8, byte(len(dims))}
	for _, d := range dims {
		data = binary.BigEndian.AppendUint32(data, d)
	}
	return append(data, values...)
}

func counting(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

var smallIDX = files{
	"train-images-idx3-ubyte": idxOf(counting(4*2*3), 4, 2, 3),
	"train-labels-idx1-ubyte": idxOf([]byte{0, 2, 1, 2}, 4),
	"t10k-images-idx3-ubyte":  idxOf(counting(2*2*3), 2, 2, 3),
	"t10k-labels-idx1-ubyte":  idxOf([]byte{1, 0}, 2),
}

// TestMNIST compares the published set with what is published of it: the number
// of images of each digit, and the mean and deviation of all pixels.
func TestMNIST(t *testing.T) {
	train, test, err := Open(Source{Name: "mnist", Path: shared(t, "data", "mnist")})
	if err != nil {
		t.Fatal(err)
	}
	if train.C != 1 || train.H != 28 || train.W != 28 || train.Len() != 60000 || test.Len() != 10000 {
		t.Fatalf("%d + %d images of %d×%d×%d", train.Len(), test.Len(), train.C, train.H, train.W)
	}
	for _, c := range []struct {
		set  *Set
		want [10]int
	}{
		{train, [10]int{5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949}},
		{test, [10]int{980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009}},
	} {
		var got [10]int
		for _, label := range c.set.Labels {
			got[label]++
		}
		if got != c.want {
			t.Errorf("digits %v, want %v", got, c.want)
		}
	}
	// The deviation of the mean of an image is about 0.04: that of 6,000 of them
	// is 0.0005. Four times that.
	checkMoments(t, train.head(6000), "mnist", 0.002)
}

// checkMoments compares the named normalisation with a training set.
func checkMoments(t *testing.T, s *Set, name string, tolerance float64) {
	t.Helper()
	for c := range s.C {
		var histogram [256]float64
		for i := range s.Len() {
			for _, v := range s.at(i)[c*s.H*s.W : (c+1)*s.H*s.W] {
				histogram[v]++
			}
		}
		var n, sum, squares float64
		for v, count := range histogram {
			x := float64(v) / 255
			n += count
			sum += count * x
			squares += count * x * x
		}
		mean := sum / n
		std := math.Sqrt(squares/n - mean*mean)
		m := normalizations[name]
		if d := math.Abs(mean - float64(m.mean[c])); d > tolerance {
			t.Errorf("%s: mean of channel %d is %v, the table says %v", name, c, mean, m.mean[c])
		}
		if d := math.Abs(std - float64(m.std[c])); d > tolerance {
			t.Errorf("%s: deviation of channel %d is %v, the table says %v", name, c, std, m.std[c])
		}
	}
}

func TestIDX(t *testing.T) {
	zipped := files{}
	dotted := files{}
	for name, data := range smallIDX {
		zipped["MNIST/raw/"+name+".gz"] = zip(t, data)
		dotted[name[:len(name)-11]+"."+name[len(name)-10:]] = data // train-images.idx3-ubyte
	}
	for _, path := range []string{
		smallIDX.folder(t), smallIDX.archive(t), dotted.folder(t),
		zipped.folder(t), zipped.archive(t), smallIDX.with(files{"t10k-images-idx3-ubyte.gz": []byte("not read")}).folder(t),
	} {
		train, test, err := Open(Source{Name: "idx", Path: path})
		if err != nil {
			t.Fatal(err)
		}
		classes := []string{"0", "1", "2"}
		wantEqual(t, train, &Set{C: 1, H: 2, W: 3, Classes: classes, Labels: []int32{0, 2, 1, 2}, Images: counting(24)})
		wantEqual(t, test, &Set{C: 1, H: 2, W: 3, Classes: classes, Labels: []int32{1, 0}, Images: counting(12)})
	}
}

func TestIDXFaults(t *testing.T) {
	const ti, tl = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
	good := smallIDX[ti]
	damaged := zip(t, good)
	damaged[len(damaged)-6]++ // of the checksum
	for _, c := range []struct {
		name   string
		kind   string
		change files
		want   []string
	}{
		{"cut short", "idx", files{ti: good[:30]}, []string{ti, "14 bytes", "4×2×3"}},
		{"too long", "idx", files{ti: append(bytes.Clone(good), 0)}, []string{ti, "25 bytes", "4×2×3"}},
		{"no header", "idx", files{ti: good[:7]}, []string{ti, "7 bytes", "16"}},
		{"magic", "idx", files{ti: append([]byte{0, 0, 13}, good[3:]...)}, []string{ti, "00 00 0d 03", "00 00 08 03"}},
		{"rank", "idx", files{ti: idxOf(counting(24), 4, 6)}, []string{ti, "00 00 08 02"}},
		{"huge", "idx", files{ti: idxOf(counting(24), 1<<31, 1<<31, 1<<31)}, []string{ti, "2147483648×2147483648×2147483648"}},
		{"overflow to the right size", "idx", files{ti: idxOf(nil, 1<<31, 1<<31, 4)}, []string{ti, "0 bytes"}},
		{"zero", "idx", files{ti: idxOf(nil, 4, 0, 3)}, []string{ti, "dimension is 0"}},
		{"count", "idx", files{tl: idxOf([]byte{0, 1}, 2)}, []string{"4 images", "2 labels", tl}},
		{"sizes", "idx", files{"t10k-images-idx3-ubyte": idxOf(counting(8), 2, 2, 2)}, []string{"2×3", "2×2"}},
		{"missing", "idx", files{tl: nil}, []string{"no train-labels-idx1-ubyte or train-labels-idx1-ubyte.gz"}},
		{"twice", "idx", files{"copy/" + tl: smallIDX[tl]}, []string{"both copy/" + tl, "remove one"}},
		{"unknown label", "idx", files{"t10k-labels-idx1-ubyte": idxOf([]byte{1, 7}, 2)}, []string{"t10k-labels", "label 1 is 7", "0 to 2"}},
		{"not a digit", "mnist", files{tl: idxOf([]byte{0, 1, 10, 2}, 4)}, []string{"train-labels", "label 2 is 10", "0 to 9"}},
		{"gzip cut short", "idx", files{ti: nil, ti + ".gz": zip(t, good)[:20]}, []string{ti + ".gz", "cut short"}},
		{"gzip damaged", "idx", files{ti: nil, ti + ".gz": damaged}, []string{ti + ".gz", "damaged"}},
		{"not gzip", "idx", files{ti: nil, ti + ".gz": good}, []string{ti + ".gz", "damaged"}},
		{"gzip bomb", "idx", files{ti: nil, ti + ".gz": zip(t, make([]byte, 4<<20))}, []string{ti + ".gz", "expand to more than"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := smallIDX.with(c.change).folder(t)
			_, _, err := Open(Source{Name: c.kind, Path: path})
			wantError(t, err, append(c.want, path)...)
		})
	}
}

func FuzzIDX(f *testing.F) {
	f.Add(idxOf(counting(24), 4, 2, 3), 3)
	f.Add(idxOf(counting(4), 4), 1)
	f.Add(idxOf(nil, 1<<31, 1<<31, 4), 3)
	f.Add([]byte{0, 0, 8}, 1)
	f.Fuzz(func(t *testing.T, data []byte, rank int) {
		if rank < 1 || rank > 4 {
			return
		}
		values, dims, err := parseIDX(data, rank)
		if err != nil {
			return
		}
		var d []uint32
		for _, v := range dims {
			d = append(d, uint32(v))
		}
		if !bytes.Equal(idxOf(values, d...), data) {
			t.Fatalf("% x read as %v and % x", data, dims, values)
		}
	})
}
