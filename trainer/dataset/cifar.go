package dataset

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// An image of CIFAR-10 and CIFAR-100 (Krizhevsky, "Learning Multiple Layers of
// Features from Tiny Images", 2009), in either version:
//
//	0    - 1023 red     [32, 32], rows from the top
//	1024 - 2047 green
//	2048 - 3071 blue
//
// A record of the binary version is one byte for each label, then the image;
// CIFAR-100 has the coarse label before the fine one. A file is records and
// nothing else: 10,000 or 50,000 in the published files, any number here. The
// Python version is pickled: see [readPickle].
const (
	cifarEdge  = 32
	cifarImage = 3 * cifarEdge * cifarEdge
)

// A cifarSet is what CIFAR-10 and CIFAR-100 differ in.
type cifarSet struct {
	name           string
	labels         []cifarLabel // in the order of the bytes of a record
	binary, python cifarFiles
}

// A cifarLabel is one kind of label.
type cifarLabel struct {
	classes  int
	key      string   // of the labels of a pickled batch
	names    string   // file of the classes' names, in the binary version
	nameKey  string   // of the classes' names, in the Python version
	fallback []string // the names where no file has them; nil: numbers
}

// cifarFiles are patterns of the names of files. They let subsets have names of
// their own, such as data_batch_1.head200.bin.
type cifarFiles struct{ train, test, names string }

// isBinary tells the two versions apart, where patterns do not.
func isBinary(name string) bool {
	return strings.HasSuffix(name, ".bin") || strings.HasSuffix(name, ".txt")
}

var (
	cifar10 = cifarSet{
		name: "cifar10",
		labels: []cifarLabel{{classes: 10, key: "labels", names: "batches.meta.txt", nameKey: "label_names",
			fallback: []string{"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"}}},
		binary: cifarFiles{train: "data_batch_*.bin", test: "test_batch*.bin", names: "batches.meta.txt"},
		python: cifarFiles{train: "data_batch_*", test: "test_batch", names: "batches.meta"},
	}
	cifar100 = cifarSet{
		name: "cifar100",
		labels: []cifarLabel{
			{classes: 20, key: "coarse_labels", names: "coarse_label_names.txt", nameKey: "coarse_label_names"},
			{classes: 100, key: "fine_labels", names: "fine_label_names.txt", nameKey: "fine_label_names"},
		},
		binary: cifarFiles{train: "train*.bin", test: "test*.bin", names: "*_label_names.txt"},
		python: cifarFiles{train: "train", test: "test", names: "meta"},
	}
)

// A cifarReader reads the files of one set in one version.
type cifarReader struct {
	*tree
	cifarSet
	files  cifarFiles
	python bool
	which  int // of the labels
}

// openCIFAR reads the files of one folder, in the order of their names.
func openCIFAR(s Source, c cifarSet) (train, test *Set, err error) {
	match := func(f cifarFiles, binary bool, name string) bool {
		base := path.Base(name)
		return isBinary(base) == binary && slices.ContainsFunc([]string{f.train, f.test, f.names}, func(pattern string) bool {
			ok, _ := path.Match(pattern, base)
			return ok
		})
	}
	keep := func(name string) bool { return match(c.binary, true, name) || match(c.python, false, name) }
	t, err := openTree(s.Path, keep, cifarLimits)
	if err != nil {
		return nil, nil, err
	}
	r := &cifarReader{tree: t, cifarSet: c, files: c.binary, which: len(c.labels) - 1}
	if s.Coarse {
		r.which = 0
	}
	for _, name := range t.files {
		if a, b := path.Dir(t.files[0]), path.Dir(name); a != b {
			return nil, nil, t.fault("", fmt.Errorf("batches in both %s and %s; name one of these folders", a, b))
		}
		if a := t.files[0]; isBinary(a) != isBinary(name) {
			return nil, nil, t.fault("", fmt.Errorf("both the binary and the Python version: %s and %s; keep one of them", a, name))
		}
		if !isBinary(name) {
			r.python, r.files = true, c.python
		}
	}
	classes, err := r.classes()
	if err != nil {
		return nil, nil, err
	}
	if train, err = r.read(r.files.train, classes); err != nil {
		return nil, nil, err
	}
	if test, err = r.read(r.files.test, classes); err != nil {
		return nil, nil, err
	}
	return train, test, nil
}

// classes returns the names of the classes.
func (r *cifarReader) classes() (classes []string, err error) {
	label := r.labels[r.which]
	pattern := label.names
	if r.python {
		pattern = r.files.names
	}
	found := r.glob(pattern)
	if len(found) == 0 {
		if label.fallback != nil {
			return label.fallback, nil
		}
		for i := range label.classes {
			classes = append(classes, strconv.Itoa(i))
		}
		return classes, nil
	}
	data, err := r.load(found[0])
	if err != nil {
		return nil, err
	}
	if r.python {
		classes, err = pickledNames(data, label.nameKey)
		if err != nil {
			return nil, r.fault(found[0], err)
		}
	} else {
		classes = strings.Fields(string(data))
	}
	if len(classes) != label.classes {
		return nil, r.fault(found[0], fmt.Errorf("names %d classes, want %d", len(classes), label.classes))
	}
	return classes, nil
}

// read returns the images of the files of a pattern.
func (r *cifarReader) read(pattern string, classes []string) (*Set, error) {
	set := &Set{Name: r.name, C: 3, H: cifarEdge, W: cifarEdge, Classes: classes}
	names := r.glob(pattern)
	if len(names) == 0 {
		return nil, r.fault("", fmt.Errorf("no %s; want the binary version of %s, or the Python version", pattern,
			strings.Replace(strings.ToUpper(r.name), "CIFAR", "CIFAR-", 1)))
	}
	for _, name := range names {
		data, err := r.load(name)
		if err != nil {
			return nil, err
		}
		if r.python {
			err = set.appendPickled(data, r.labels[r.which])
		} else {
			err = set.appendCIFAR(data, r.labels, r.which)
		}
		if err != nil {
			return nil, r.fault(name, err)
		}
	}
	return set, nil
}

// appendCIFAR adds the records of a binary file to s, with the labels of one
// kind.
func (s *Set) appendCIFAR(data []byte, labels []cifarLabel, which int) error {
	record := len(labels) + cifarImage
	if len(data) == 0 {
		return errors.New("empty")
	}
	if len(data)%record != 0 {
		return fmt.Errorf("%d bytes, want a whole number of records of %d bytes; it ends in record %d",
			len(data), record, len(data)/record)
	}
	n := len(data) / record
	s.Images = slices.Grow(s.Images, n*cifarImage)
	s.Labels = slices.Grow(s.Labels, n)
	for i := range n {
		r := data[i*record:][:record]
		for j, label := range labels {
			if int(r[j]) >= label.classes {
				return fmt.Errorf("record %d: label %d, want 0 to %d", i, r[j], label.classes-1)
			}
		}
		s.Labels = append(s.Labels, int32(r[which]))
		s.Images = append(s.Images, r[len(labels):]...)
	}
	return nil
}
