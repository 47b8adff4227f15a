package dataset

import (
	"bytes"
	"encoding/csv"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// records returns n records, of labels 0, 1, …, whose pixels differ from one
// another.
func records(n int) []byte {
	var data []byte
	for i := range n {
		data = append(data, byte(i%10))
		for p := range 3072 {
			data = append(data, byte(7*i+p*p/11))
		}
	}
	return data
}

var smallCIFAR10 = files{
	"cifar-10-batches-bin/data_batch_1.bin": records(7),
	"cifar-10-batches-bin/data_batch_2.bin": records(4),
	"cifar-10-batches-bin/test_batch.bin":   records(3),
	"cifar-10-batches-bin/readme.html":      []byte("<html>"),
}

// TestCIFAR10Official reads the heads of the official files, and compares them
// with what is published of their images: the labels, and the first pixels that
// other readers print.
func TestCIFAR10Official(t *testing.T) {
	train, test, err := Open(Source{Name: "cifar10", Path: shared(t, "data", "cifar10-canonical-head")})
	if err != nil {
		t.Fatal(err)
	}
	if train.Len() != 200 || test.Len() != 20 {
		t.Fatalf("%d + %d images, want 200 + 20", train.Len(), test.Len())
	}
	if want := []int32{6, 9, 9, 4, 1, 1, 2, 7, 8, 3}; !slices.Equal(train.Labels[:10], want) {
		t.Errorf("labels to train on %v, want %v", train.Labels[:10], want)
	}
	if want := []int32{3, 8, 8, 0, 6, 6, 1, 6, 3, 1}; !slices.Equal(test.Labels[:10], want) {
		t.Errorf("labels to test on %v, want %v", test.Labels[:10], want)
	}
	if train.Classes[6] != "frog" || train.Classes[9] != "truck" {
		t.Errorf("classes %v", train.Classes)
	}
	// Red, green and blue of the corner of the first frog and the first cat.
	for _, c := range []struct {
		set  *Set
		want [3]uint8
	}{{train, [3]uint8{59, 62, 63}}, {test, [3]uint8{158, 112, 49}}} {
		m := c.set.at(0)
		if got := [3]uint8{m[0], m[1024], m[2048]}; got != c.want {
			t.Errorf("corner %v, want %v", got, c.want)
		}
	}
	// Every byte, at the offset that the format states.
	for file, set := range map[string]*Set{"data_batch_1.head200.bin": train, "test_batch.head20.bin": test} {
		raw, err := os.ReadFile(shared(t, "data", "cifar10-canonical-head", file))
		if err != nil {
			t.Fatal(err)
		}
		for i := range set.Len() {
			if int32(raw[3073*i]) != set.Labels[i] {
				t.Fatalf("%s: record %d: label %d, want %d", file, i, set.Labels[i], raw[3073*i])
			}
			if !bytes.Equal(raw[3073*i+1:3073*(i+1)], set.at(i)) {
				t.Fatalf("%s: record %d: image differs", file, i)
			}
		}
	}
}

// TestCIFAR10Index reads an archive in place, and compares its labels with the
// index that it carries.
func TestCIFAR10Index(t *testing.T) {
	path := shared(t, "data", "cifar10-tiny.tar.gz")
	train, test, err := Open(Source{Name: "cifar10", Path: path})
	if err != nil {
		t.Fatal(err)
	}
	rows := readIndex(t, path)
	if len(rows) != train.Len()+test.Len() || train.Len() != 500 {
		t.Fatalf("%d rows for %d + %d images", len(rows), train.Len(), test.Len())
	}
	for _, row := range rows {
		set, record := test, mustInt(t, row[1])
		if batch, ok := strings.CutPrefix(row[0], "data_batch_"); ok {
			set = train
			record += 100 * (mustInt(t, strings.TrimSuffix(batch, ".bin")) - 1)
		}
		label := int(set.Labels[record])
		class := strings.Split(row[3], "/")[1]
		if label != mustInt(t, row[2]) || set.Classes[label] != class {
			t.Fatalf("%v: label %d, %s", row, label, set.Classes[label])
		}
	}
}

// readIndex returns the rows of the index.csv that an archive carries: file,
// record, label, source.
func readIndex(t *testing.T, path string) [][]string {
	t.Helper()
	tr, err := openTree(path, func(name string) bool { return strings.HasSuffix(name, "/index.csv") }, cifarLimits)
	if err != nil {
		t.Fatal(err)
	}
	if len(tr.files) != 1 {
		t.Fatalf("%s: files %v, want an index.csv", path, tr.files)
	}
	index, err := tr.load(tr.files[0])
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(index)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows[1:]
}

func mustInt(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestCIFAR10(t *testing.T) {
	want := records(7)
	want = append(want, records(4)...)
	for _, path := range []string{smallCIFAR10.folder(t), smallCIFAR10.folder(t) + "/cifar-10-batches-bin", smallCIFAR10.archive(t)} {
		train, test, err := Open(Source{Name: "cifar10", Path: path})
		if err != nil {
			t.Fatal(err)
		}
		if train.Len() != 11 || test.Len() != 3 || train.C != 3 || train.H != 32 || train.W != 32 {
			t.Fatalf("%d + %d images of %d×%d×%d", train.Len(), test.Len(), train.C, train.H, train.W)
		}
		for i := range 11 {
			if train.Labels[i] != int32(want[3073*i]) || !bytes.Equal(train.at(i), want[3073*i+1:3073*(i+1)]) {
				t.Fatalf("%s: image %d differs", path, i)
			}
		}
	}
}

func TestCIFAR10Limit(t *testing.T) {
	path := smallCIFAR10.folder(t)
	all, _, err := Open(Source{Name: "cifar10", Path: path})
	if err != nil {
		t.Fatal(err)
	}
	train, test, err := Open(Source{Name: "cifar10", Path: path, TrainImages: 9, TestImages: 100})
	if err != nil {
		t.Fatal(err)
	}
	if train.Len() != 9 || test.Len() != 3 {
		t.Fatalf("%d + %d images, want 9 + 3", train.Len(), test.Len())
	}
	if !slices.Equal(train.Labels, all.Labels[:9]) || !bytes.Equal(train.Images, all.Images[:9*3072]) {
		t.Error("not the first 9")
	}
}

func TestCIFAR10Faults(t *testing.T) {
	badLabel := records(4)
	badLabel[3*3073] = 10
	const dir = "cifar-10-batches-bin/"
	for _, c := range []struct {
		name   string
		change files
		want   []string
	}{
		{"label", files{dir + "data_batch_2.bin": badLabel}, []string{dir + "data_batch_2.bin", "record 3", "label 10", "0 to 9"}},
		{"part of a record", files{dir + "data_batch_1.bin": records(3)[:2*3073+100]}, []string{"data_batch_1.bin", "6246 bytes", "3073", "record 2"}},
		{"empty file", files{dir + "test_batch.bin": {}}, []string{"test_batch.bin", "empty"}},
		{"no training set", files{dir + "data_batch_1.bin": nil, dir + "data_batch_2.bin": nil}, []string{"no data_batch_*.bin"}},
		{"no test set", files{dir + "test_batch.bin": nil}, []string{"no test_batch*.bin"}},
		{"classes", files{dir + "batches.meta.txt": []byte("cat\ndog\n")}, []string{"batches.meta.txt", "2 classes", "10"}},
		{"two folders", files{"other/test_batch.bin": records(1)}, []string{"both cifar-10-batches-bin and other"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			bad := smallCIFAR10.with(c.change)
			for _, path := range []string{bad.folder(t), bad.archive(t)} {
				_, _, err := Open(Source{Name: "cifar10", Path: path})
				wantError(t, err, append(c.want, path)...)
			}
		})
	}
}

func FuzzCIFAR(f *testing.F) {
	f.Add(records(2), false)
	f.Add(records(1)[:3072], false)
	f.Add([]byte{}, false)
	f.Add(append([]byte{255}, records(1)[1:]...), false)
	f.Add(records100(2), true)
	f.Fuzz(func(t *testing.T, data []byte, hundred bool) {
		kind, record := cifar10, 3073
		if hundred {
			kind, record = cifar100, 3074
		}
		for which, label := range kind.labels {
			var s Set
			if s.appendCIFAR(data, kind.labels, which) != nil {
				return
			}
			if len(data) != record*s.Len() || len(s.Images) != 3072*s.Len() {
				t.Fatalf("%d bytes gave %d labels and %d bytes of images", len(data), s.Len(), len(s.Images))
			}
			for i, l := range s.Labels {
				if int(l) >= label.classes || byte(l) != data[record*i+which] {
					t.Fatalf("record %d: label %d of byte %d", i, l, data[record*i+which])
				}
			}
		}
	})
}
