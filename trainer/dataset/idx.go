package dataset

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
)

// openIDX reads the four files of MNIST, or of a set in its form: images
// [N, H, W] and labels [N], of bytes, each file compressed with gzip or not. All
// labels of idx up to the largest one of the training set are classes.
func openIDX(s Source) (train, test *Set, err error) {
	keep := func(name string) bool { return strings.Contains(path.Base(name), "-ubyte") }
	t, err := openTree(s.Path, keep, idxLimits)
	if err != nil {
		return nil, nil, err
	}
	if train, err = t.readIDXSplit(s.Name, "train"); err != nil {
		return nil, nil, err
	}
	if test, err = t.readIDXSplit(s.Name, "t10k"); err != nil {
		return nil, nil, err
	}
	if train.H != test.H || train.W != test.W {
		return nil, nil, t.fault("", fmt.Errorf("images to train on are %d×%d, to test on %d×%d",
			train.H, train.W, test.H, test.W))
	}
	classes := 10
	if s.Name == "idx" {
		classes = 0
		for _, label := range train.Labels {
			classes = max(classes, int(label)+1)
		}
	}
	for i := range classes {
		train.Classes = append(train.Classes, strconv.Itoa(i))
	}
	test.Classes = train.Classes
	for _, set := range []*Set{train, test} {
		for i, label := range set.Labels {
			if int(label) >= classes {
				split := map[*Set]string{train: "train", test: "t10k"}[set]
				return nil, nil, t.fault(split+"-labels-idx1-ubyte", fmt.Errorf("label %d is %d, want 0 to %d", i, label, classes-1))
			}
		}
	}
	return train, test, nil
}

func (t *tree) readIDXSplit(name, split string) (*Set, error) {
	imagesName, images, dims, err := t.readIDX(split+"-images", 3)
	if err != nil {
		return nil, err
	}
	labelsName, labels, n, err := t.readIDX(split+"-labels", 1)
	if err != nil {
		return nil, err
	}
	if dims[0] != n[0] {
		return nil, t.fault(imagesName, fmt.Errorf("%d images, but %d labels in %s", dims[0], n[0], labelsName))
	}
	set := &Set{Name: name, C: 1, H: dims[1], W: dims[2], Images: images, Labels: make([]int32, n[0])}
	for i, label := range labels {
		set.Labels[i] = int32(label)
	}
	return set, nil
}

// readIDX reads the file of one part of a split, in any of the spellings in
// use: train-images-idx3-ubyte and train-images.idx3-ubyte, or these with .gz.
// Where a file lies there both ways, the expanded one is read.
func (t *tree) readIDX(part string, rank int) (name string, data []byte, dims []int, err error) {
	base := fmt.Sprintf("%s?idx%d-ubyte", part, rank)
	names := t.glob(base)
	if len(names) == 0 {
		names = t.glob(base + ".gz")
	}
	if len(names) != 1 {
		fault := fmt.Errorf("no %s-idx%d-ubyte or %[1]s-idx%[2]d-ubyte.gz", part, rank)
		if len(names) > 1 {
			fault = fmt.Errorf("both %s and %s; remove one", names[0], names[1])
		}
		return "", nil, nil, t.fault("", fault)
	}
	name = names[0]
	if data, err = t.load(name); err != nil {
		return "", nil, nil, err
	}
	if strings.HasSuffix(name, ".gz") {
		if data, err = expand(data, idxLimits.file); err != nil {
			return "", nil, nil, t.fault(name, err)
		}
	}
	data, dims, err = parseIDX(data, rank)
	if err != nil {
		return "", nil, nil, t.fault(name, err)
	}
	return name, data, dims, nil
}

// expand returns what gzip compressed, if it is at most limit bytes.
func expand(data []byte, limit int64) ([]byte, error) {
	z, err := gunzip(bytes.NewReader(data))
	if err != nil {
		return nil, archiveError(err)
	}
	data, err = readAll(z, 0, limit)
	return data, archiveError(err)
}

// parseIDX returns the bytes and the dimensions of an IDX file of the given
// rank (LeCun, Cortes and Burges, "The MNIST Database of Handwritten Digits"):
//
//	0 - 1   0
//	2       type of the numbers; 8: unsigned byte, the only one here
//	3       rank
//	4 - ..  dimensions, rank × uint32, big-endian
//	.. - .. numbers, row-major
func parseIDX(data []byte, rank int) (values []byte, dims []int, err error) {
	header := 4 + 4*rank
	if len(data) < header {
		return nil, nil, fmt.Errorf("%d bytes are too few for the header of %d: %w", len(data), header, io.ErrUnexpectedEOF)
	}
	if want := []byte{0, 0, 8, byte(rank)}; !bytes.Equal(data[:4], want) {
		return nil, nil, fmt.Errorf("begins % x, want % x: bytes in %d dimensions", data[:4], want, rank)
	}
	size := int64(1)
	for i := range rank {
		d := int64(binary.BigEndian.Uint32(data[4+4*i:]))
		if d == 0 {
			return nil, nil, errors.New("a dimension is 0")
		}
		dims = append(dims, int(d))
		if size *= d; size > int64(len(data)) { // before it can overflow
			break
		}
	}
	values = data[header:]
	if len(dims) < rank || size != int64(len(values)) {
		return nil, nil, fmt.Errorf("%d bytes behind the header, want %s", len(values), product(data[4:header]))
	}
	return values, dims, nil
}

// product writes dimensions as a product.
func product(dims []byte) string {
	var factors []string
	for ; len(dims) > 0; dims = dims[4:] {
		factors = append(factors, strconv.FormatUint(uint64(binary.BigEndian.Uint32(dims)), 10))
	}
	return strings.Join(factors, "×")
}
