package dataset

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Source says which data set to read. The zero value of a field stands for
// its default.
type Source struct {
	// Name is the kind of the set:
	//
	//	cifar10    CIFAR-10, in its binary or its Python version
	//	cifar100   CIFAR-100, likewise
	//	folder     JPEG and PNG images in train/CLASS/ and val/CLASS/ (or valid/, test/)
	//	idx        images and labels in the format of MNIST
	//	mnist      the same, and the labels must be digits
	//	synthetic  digits drawn at run time; needs no file
	Name string

	// Path is the folder that holds the files, or a .tar.gz of it.
	Path string

	// Coarse makes the 20 superclasses of cifar100 its labels, not the 100
	// classes.
	Coarse bool

	// Size is the height and width that the images of a folder have for the
	// network: they are scaled, and cut around their centre or as
	// [Pipeline.Augment] says. Without it images stay as they are, and must all
	// have one size.
	Size int

	// Resize is the length that the shorter side of the images of a folder is
	// brought to before they are cut; at least Size, the default. With Size 224,
	// Resize 256 is what torchvision's ImageNet models are measured under.
	Resize int

	// Channels of the images of a folder: 3 (default) or 1. Gray images are
	// turned into colour ones and the reverse.
	Channels int

	// Store says where the images of a folder are held:
	//
	//	memory  in memory, decoded by Open (default)
	//	packed  in one file for each split in CacheDir, decoded when it is made
	//	files   where they are (of an archive: in memory, as they are encoded);
	//	        they are decoded each time that they are used
	//
	// All but files hold of each image the largest square at its centre, scaled to
	// Resize×Resize: that is what a resized-crop then takes its part of.
	Store string

	// CacheDir is the folder of packed images; default gputrain in the user's
	// folder for caches.
	CacheDir string

	// SkipBad leaves out the images of a folder that cannot be decoded, which
	// are a fault otherwise. [Set.Skipped] and [Set.SkipReport] name them.
	SkipBad bool

	// TrainImages and TestImages keep the first so many images of each split,
	// in the order of the files (of a folder: the first of each class, then the
	// second of each, and so on, so that classes stay balanced); default all.
	// Of synthetic they are the numbers to draw; default 4,000 and 1,000.
	TrainImages, TestImages int

	Seed uint64 // of synthetic: another seed draws other images

	// Progress, if not nil, is called for each image that Open decodes, by one
	// goroutine at a time: done of total images of the split, "train" or "test". An error that
	// it returns ends Open, which returns it.
	Progress func(split string, done, total int) error

	// Note, if not nil, is told in one line what Open found or did that the user
	// should know: that a pack is made, why one is made anew, which images were
	// left out.
	Note func(line string)
}

// Names returns the kinds of data set, sorted.
func Names() []string { return []string{"cifar10", "cifar100", "folder", "idx", "mnist", "synthetic"} }

// Stores returns the values of [Source.Store], the default first.
func Stores() []string { return []string{"memory", "packed", "files"} }

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
	if s.Resize != 0 && (s.Resize < s.Size || s.Resize > maxEdge || s.Size == 0) {
		fault("resize %d, want %d, the size that is cut out, to %d", s.Resize, s.Size, maxEdge)
	}
	if s.Store != "" && !slices.Contains(Stores(), s.Store) {
		fault("store %q, want one of %s", s.Store, strings.Join(Stores(), ", "))
	}
	if (s.Store == "packed" || s.Store == "files") && s.Size == 0 {
		fault("store %q without a size; give the size that the network sees", s.Store)
	}
	if s.CacheDir != "" && s.Store != "packed" {
		fault("cache_dir %q: only packed images are kept in a cache", s.CacheDir)
	}
	if s.Coarse && s.Name != "cifar100" {
		fault("coarse: only cifar100 has labels of two kinds")
	}
	for _, f := range []struct {
		given       bool
		name, value string
		what        string
	}{
		{s.Size != 0, "size", fmt.Sprint(s.Size), "resized"},
		{s.Resize != 0, "resize", fmt.Sprint(s.Resize), "resized"},
		{s.Channels != 0, "channels", fmt.Sprint(s.Channels), "converted"},
		{s.Store != "", "store", strconv.Quote(s.Store), "held in more ways than one"},
		{s.SkipBad, "skip_bad", "true", "decoded"},
	} {
		if f.given && s.Name != "folder" {
			fault("%s %s: only the images of a folder are %s", f.name, f.value, f.what)
		}
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

// Open reads both splits of a data set. A fault in its files is an [*Error]. The
// sets should be closed when they are done with.
func Open(s Source) (train, test *Set, err error) {
	if err := s.Validate(); err != nil {
		return nil, nil, err
	}
	switch s.Name {
	case "cifar10":
		train, test, err = openCIFAR(s, cifar10)
	case "cifar100":
		train, test, err = openCIFAR(s, cifar100)
	case "idx", "mnist":
		train, test, err = openIDX(s)
	case "folder":
		return openFolder(s)
	case "synthetic":
		return openSynthetic(s)
	}
	if err != nil {
		return nil, nil, err
	}
	return train.head(s.TrainImages), test.head(s.TestImages), nil
}
