package dataset

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// A record of the binary version of CIFAR-10 (Krizhevsky, "Learning Multiple
// Layers of Features from Tiny Images", 2009):
//
//	0           label   0 to 9
//	1    - 1024 red     [32, 32], rows from the top
//	1025 - 2048 green
//	2049 - 3072 blue
//
// A file is records and nothing else: 10,000 in the published files, any number
// here.
const (
	cifar10Edge    = 32
	cifar10Image   = 3 * cifar10Edge * cifar10Edge
	cifar10Record  = 1 + cifar10Image
	cifar10Classes = 10
)

// cifar10Names are the classes where no batches.meta.txt names them.
var cifar10Names = []string{"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"}

// Names of the files. The pattern lets subsets have names of their own, such as
// data_batch_1.head200.bin.
const (
	cifar10Train = "data_batch_*.bin"
	cifar10Test  = "test_batch*.bin"
	cifar10Meta  = "batches.meta.txt"
)

// openCIFAR10 reads the files of one folder, in the order of their names.
func openCIFAR10(s Source) (train, test *Set, err error) {
	keep := func(name string) bool {
		return slices.ContainsFunc([]string{cifar10Train, cifar10Test, cifar10Meta}, func(pattern string) bool {
			ok, _ := path.Match(pattern, path.Base(name))
			return ok
		})
	}
	t, err := openTree(s.Path, keep, cifar10Limits)
	if err != nil {
		return nil, nil, err
	}
	for _, name := range t.files {
		if a, b := path.Dir(t.files[0]), path.Dir(name); a != b {
			return nil, nil, t.fault("", fmt.Errorf("batches in both %s and %s; name one of these folders", a, b))
		}
	}
	classes, err := t.cifar10Classes()
	if err != nil {
		return nil, nil, err
	}
	if train, err = t.readCIFAR10(cifar10Train, classes); err != nil {
		return nil, nil, err
	}
	if test, err = t.readCIFAR10(cifar10Test, classes); err != nil {
		return nil, nil, err
	}
	return train, test, nil
}

// cifar10Classes returns the lines of batches.meta.txt.
func (t *tree) cifar10Classes() ([]string, error) {
	meta := t.glob(cifar10Meta)
	if len(meta) == 0 {
		return cifar10Names, nil
	}
	data, err := t.load(meta[0])
	if err != nil {
		return nil, err
	}
	classes := strings.Fields(string(data))
	if len(classes) != cifar10Classes {
		return nil, t.fault(meta[0], fmt.Errorf("names %d classes, want %d", len(classes), cifar10Classes))
	}
	return classes, nil
}

func (t *tree) readCIFAR10(pattern string, classes []string) (*Set, error) {
	set := &Set{Name: "cifar10", C: 3, H: cifar10Edge, W: cifar10Edge, Classes: classes}
	names := t.glob(pattern)
	if len(names) == 0 {
		return nil, t.fault("", fmt.Errorf("no %s; want the binary version of CIFAR-10", pattern))
	}
	for _, name := range names {
		data, err := t.load(name)
		if err != nil {
			return nil, err
		}
		if err := set.appendCIFAR10(data); err != nil {
			return nil, t.fault(name, err)
		}
	}
	return set, nil
}

// appendCIFAR10 adds the records of a file to s.
func (s *Set) appendCIFAR10(data []byte) error {
	if len(data) == 0 {
		return errors.New("empty")
	}
	if len(data)%cifar10Record != 0 {
		return fmt.Errorf("%d bytes, want a whole number of records of %d bytes; it ends in record %d",
			len(data), cifar10Record, len(data)/cifar10Record)
	}
	n := len(data) / cifar10Record
	s.Images = slices.Grow(s.Images, n*cifar10Image)
	s.Labels = slices.Grow(s.Labels, n)
	for i := range n {
		record := data[i*cifar10Record:][:cifar10Record]
		if record[0] >= cifar10Classes {
			return fmt.Errorf("record %d: label %d, want 0 to %d", i, record[0], cifar10Classes-1)
		}
		s.Labels = append(s.Labels, int32(record[0]))
		s.Images = append(s.Images, record[1:]...)
	}
	return nil
}
