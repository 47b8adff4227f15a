package dataset

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A Source says which data set to read. The zero value of a field stands for
// its default.
type Source struct {
	// Name is the kind of the set:
	//
	//	cifar10    the binary version of CIFAR-10
	//	folder     JPEG and PNG images in train/CLASS/ and test/CLASS/ (or val/CLASS/)
	//	idx        images and labels in the format of MNIST
	//	mnist      the same, and the labels must be digits
	//	synthetic  digits drawn at run time; needs no file
	Name string

	// Path is the folder that holds the files, or a .tar.gz of it.
	Path string

	// Size is the height and width that the images of a folder are brought to:
	// the largest square at their centre, scaled. Without it images stay as
	// they are, and must all have one size.
	Size int

	// Channels of the images of a folder: 3 (default) or 1. Gray images are
	// turned into colour ones and the reverse.
	Channels int

	// TrainImages and TestImages keep the first so many images of each split,
	// in the order of the files (of a folder: the first of each class, then the
	// second of each, and so on, so that classes stay balanced); default all.
	// Of synthetic they are the numbers to draw; default 4,000 and 1,000.
	TrainImages, TestImages int

	Seed uint64 // of synthetic: another seed draws other images
}

// Names returns the kinds of data set, sorted.
func Names() []string { return []string{"cifar10", "folder", "idx", "mnist", "synthetic"} }

// Validate reports all that is wrong with s, short of reading it.
func (s Source) Validate() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf("dataset: "+format, args...)) }

	switch {
	case !slices.Contains(Names(), s.Name):
		fault("name %q, want one of %s", s.Name, strings.Join(Names(), ", "))
	case s.Name == "synthetic" && s.Path != "":
		fault("path %q, but synthetic data is drawn, not read", s.Path)
	case s.Name != "synthetic" && s.Path == "":
		fault("no path; %s is read from a folder or a .tar.gz", s.Name)
	}
	if s.Size < 0 || s.Size > maxEdge {
		fault("size %d, want 1 to %d, or 0 to leave images as they are", s.Size, maxEdge)
	}
	if s.Size != 0 && s.Name != "folder" {
		fault("size %d: only the images of a folder are resized", s.Size)
	}
	if s.Channels != 0 && s.Name != "folder" {
		fault("channels %d: only the images of a folder are converted", s.Channels)
	}
	if s.Channels != 0 && s.Channels != 1 && s.Channels != 3 {
		fault("channels %d, want 1 or 3", s.Channels)
	}
	for _, n := range []struct {
		name   string
		images int
	}{{"train_images", s.TrainImages}, {"test_images", s.TestImages}} {
		if n.images < 0 {
			fault("%s %d, want ≥ 0", n.name, n.images)
		}
		if s.Name == "synthetic" && n.images > maxSynthetic {
			fault("%s %d, want at most %d", n.name, n.images, maxSynthetic)
		}
	}
	return errors.Join(faults...)
}

// Open reads both splits of a data set. A fault in its files is an [*Error].
func Open(s Source) (train, test *Set, err error) {
	if err := s.Validate(); err != nil {
		return nil, nil, err
	}
	switch s.Name {
	case "cifar10":
		train, test, err = openCIFAR10(s)
	case "folder":
		train, test, err = openFolder(s)
	case "idx", "mnist":
		train, test, err = openIDX(s)
	case "synthetic":
		return openSynthetic(s)
	}
	if err != nil {
		return nil, nil, err
	}
	return train.head(s.TrainImages), test.head(s.TestImages), nil
}
