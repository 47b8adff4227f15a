package dataset

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// openFolder reads images laid out as
//
//	train/CLASS/…/NAME.jpg
//	test/CLASS/…/NAME.jpg   (or val/ instead of test/)
//
// with .jpg, .jpeg or .png in any case; other files are passed over. All may
// lie below one more folder, as in an archive. Classes are those of the training
// set, sorted by name, and labels follow that order.
func openFolder(s Source) (train, test *Set, err error) {
	t, err := openTree(s.Path, isPicture, folderLimits)
	if err != nil {
		return nil, nil, err
	}
	root := t.splitRoot()
	classes := t.children(path.Join(root, "train"))
	if len(classes) == 0 {
		return nil, nil, t.fault("", errors.New("no train folder with a folder for each class; want train/CLASS/*.jpg and test/CLASS/*.jpg"))
	}
	if len(classes) == 1 {
		return nil, nil, t.fault(path.Join(root, "train"), fmt.Errorf("holds one class, %s; want at least 2", classes[0]))
	}
	trainPictures, err := t.pictures(path.Join(root, "train"), classes)
	if err != nil {
		return nil, nil, err
	}
	var testPictures []picture
	for _, split := range []string{"test", "val"} {
		if slices.Contains(t.dirs, path.Join(root, split)) {
			if testPictures, err = t.pictures(path.Join(root, split), classes); err != nil {
				return nil, nil, err
			}
			break
		}
	}
	if len(testPictures) == 0 {
		return nil, nil, t.fault("", errors.New("no test or val folder with images; want test/CLASS/*.jpg"))
	}

	channels := s.Channels
	if channels == 0 {
		channels = 3
	}
	shape, err := t.shape(trainPictures[0], s.Size)
	if err != nil {
		return nil, nil, err
	}
	if train, err = t.decode(first(trainPictures, s.TrainImages), shape, channels); err != nil {
		return nil, nil, err
	}
	if test, err = t.decode(first(testPictures, s.TestImages), shape, channels); err != nil {
		return nil, nil, err
	}
	train.Classes, test.Classes = classes, classes
	return train, test, nil
}

// isPicture reports whether a file is taken for an image, by its name.
func isPicture(name string) bool {
	if strings.HasPrefix(path.Base(name), ".") {
		return false
	}
	switch strings.ToLower(path.Ext(name)) {
	case ".jpg", ".jpeg", ".png":
		return true
	}
	return false
}

// splitRoot returns the folder that holds train/: the top, or the first folder
// there that does.
func (t *tree) splitRoot() string {
	if slices.Contains(t.dirs, "train") {
		return ""
	}
	for _, dir := range t.children("") {
		if slices.Contains(t.dirs, path.Join(dir, "train")) {
			return dir
		}
	}
	return ""
}

// children returns the names of the folders in dir, sorted. Hidden ones are
// passed over.
func (t *tree) children(dir string) (names []string) {
	for _, d := range t.dirs {
		parent, name := path.Split(d)
		if path.Clean(parent) == path.Clean(dir) && !strings.HasPrefix(name, ".") {
			names = append(names, name)
		}
	}
	return names
}

// A picture is a file and its label.
type picture struct {
	file  string
	label int32
}

// pictures lists the images of a split: the first of each class, then the
// second of each, and so on, so that any first part of the list is balanced as
// well as it can be.
func (t *tree) pictures(split string, classes []string) ([]picture, error) {
	of := make([][]string, len(classes))
	for _, name := range t.children(split) {
		if !slices.Contains(classes, name) {
			return nil, t.fault(path.Join(split, name), errors.New("there is no such class to train on"))
		}
	}
	most := 0
	for label, class := range classes {
		prefix := path.Join(split, class)
		// Sorted: all files below the folder lie between these two.
		lo, _ := slices.BinarySearch(t.files, prefix+"/")
		hi, _ := slices.BinarySearch(t.files, prefix+"0") // '0' follows '/'
		of[label] = t.files[lo:hi]
		if lo == hi && slices.Contains(t.dirs, prefix) {
			return nil, t.fault(prefix, errors.New("no .jpg, .jpeg or .png in the folder of this class"))
		}
		most = max(most, hi-lo)
	}
	var all []picture
	for i := range most {
		for label := range classes {
			if i < len(of[label]) {
				all = append(all, picture{of[label][i], int32(label)})
			}
		}
	}
	return all, nil
}

// first returns the first n pictures; all if n is 0.
func first(p []picture, n int) []picture {
	if n == 0 || n > len(p) {
		return p
	}
	return p[:n]
}
