package dataset

import (
	"bytes"
	"path/filepath"
	"slices"
	"testing"
)

// TestCIFARVersions compares the sets that Python pickled with the same ones as
// records.
func TestCIFARVersions(t *testing.T) {
	for _, c := range []struct {
		source         Source
		python, binary string
		train, test    int
		first          []int32 // labels
		class          string  // of label 3
	}{
		{Source{Name: "cifar10"}, "cifar-10-python.tar.gz", "cifar-10-binary.tar.gz", 15, 3, []int32{0, 1, 2, 7}, "cat"},
		{Source{Name: "cifar100"}, "cifar-100-python.tar.gz", "cifar-100-binary.tar.gz", 5, 5, []int32{50, 71, 92, 13}, "fine_3"},
		{Source{Name: "cifar100", Coarse: true}, "cifar-100-python.tar.gz", "cifar-100-binary.tar.gz", 5, 5, []int32{10, 14, 18, 2}, "coarse_3"},
	} {
		c.source.Path = filepath.Join("testdata", c.binary)
		train, test, err := Open(c.source)
		if err != nil {
			t.Fatal(err)
		}
		if train.Len() != c.train || test.Len() != c.test || !slices.Equal(train.Labels[:4], c.first) || train.Classes[3] != c.class {
			t.Errorf("%s: %d + %d images, labels %v, class 3 is %s", c.binary, train.Len(), test.Len(), train.Labels, train.Classes[3])
		}
		// The pixels of an image, as make.py has them.
		i := map[string]int{"cifar10": 0, "cifar100": 50}[c.source.Name]
		for p, v := range train.at(0) {
			want := 37*i + p/96
			if p%32 == i%32 {
				want += 100
			}
			if v != uint8(want) {
				t.Fatalf("%s: pixel %d is %d, want %d", c.binary, p, v, uint8(want))
			}
		}
		c.source.Path = filepath.Join("testdata", c.python)
		pyTrain, pyTest, err := Open(c.source)
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, pyTrain, train)
		wantEqual(t, pyTest, test)
	}
}

// records100 returns n records of CIFAR-100.
func records100(n int) []byte {
	var data []byte
	for i := range n {
		data = append(data, byte(i%20), byte(99-i%100))
		data = append(data, bytes.Repeat([]byte{byte(i)}, 3072)...)
	}
	return data
}

func TestCIFAR100Binary(t *testing.T) {
	small := files{"cifar-100-binary/train.bin": records100(7), "cifar-100-binary/test.bin": records100(2)}
	for _, path := range []string{small.folder(t), small.archive(t)} {
		for _, coarse := range []bool{false, true} {
			train, test, err := Open(Source{Name: "cifar100", Path: path, Coarse: coarse})
			if err != nil {
				t.Fatal(err)
			}
			want, classes := []int32{99, 98, 97, 96, 95, 94, 93}, 100
			if coarse {
				want, classes = []int32{0, 1, 2, 3, 4, 5, 6}, 20
			}
			if !slices.Equal(train.Labels, want) || test.Len() != 2 || len(train.Classes) != classes || train.Classes[7] != "7" {
				t.Errorf("labels %v, %d to test on, %d classes, %s", train.Labels, test.Len(), len(train.Classes), train.Classes[7])
			}
			if train.at(3)[3071] != 3 {
				t.Error("not the image behind both labels")
			}
		}
	}
	bad := records100(3)
	bad[3074] = 20
	for name, c := range map[string]struct {
		change files
		want   []string
	}{
		"coarse label": {files{"cifar-100-binary/train.bin": bad}, []string{"train.bin", "record 1", "label 20", "0 to 19"}},
		"CIFAR-10":     {files{"cifar-100-binary/train.bin": records(1)}, []string{"train.bin", "3074"}},
		"names":        {files{"cifar-100-binary/fine_label_names.txt": []byte("a b")}, []string{"fine_label_names.txt", "2 classes, want 100"}},
		"both":         {files{"cifar-100-binary/meta": []byte("x")}, []string{"both the binary and the Python version", "meta"}},
		"none":         {files{"cifar-100-binary/train.bin": nil}, []string{"no train*.bin", "CIFAR-100"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := Open(Source{Name: "cifar100", Path: small.with(c.change).archive(t)})
			wantError(t, err, c.want...)
		})
	}
}
