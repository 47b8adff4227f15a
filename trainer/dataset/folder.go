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
//	test/CLASS/…/NAME.jpg   (or val/, or valid/)
//
// with .jpg, .jpeg or .png in any case; other files are passed over. All may
// lie below one more folder, as in an archive. Classes are those of the training
// set, sorted by name, and labels follow that order, as in torchvision's
// ImageFolder. Both splits must have the same classes.
func openFolder(s Source) (train, test *Set, err error) {
	t, err := openTree(s.Path, isPicture, folderLimits)
	if err != nil {
		return nil, nil, err
	}
	root := t.splitRoot()
	trainDir := path.Join(root, "train")
	classes := t.children(trainDir)
	if len(classes) == 0 {
		return nil, nil, t.fault("", errors.New("no train folder with a folder for each class; want train/CLASS/*.jpg and test/CLASS/*.jpg"))
	}
	if len(classes) == 1 {
		return nil, nil, t.fault(trainDir, fmt.Errorf("holds one class, %s; want at least 2", classes[0]))
	}
	testDir, err := t.testDir(root, s.Note)
	if err != nil {
		return nil, nil, err
	}
	trainPictures, err := t.pictures(trainDir, classes)
	if err != nil {
		return nil, nil, err
	}
	if err := t.sameClasses(testDir, classes); err != nil {
		return nil, nil, err
	}
	testPictures, err := t.pictures(testDir, classes)
	if err != nil {
		return nil, nil, err
	}
	channels := s.Channels
	if channels == 0 {
		channels = 3
	}
	shape, err := t.shape(trainDir, trainPictures, s)
	if err != nil {
		return nil, nil, err
	}
	trainSplit := &split{t: t, name: "train", pictures: first(trainPictures, s.TrainImages), channels: channels, shape: shape}
	testSplit := &split{t: t, name: "test", pictures: first(testPictures, s.TestImages), channels: channels, shape: shape}
	if train, err = trainSplit.open(s, classes); err != nil {
		return nil, nil, err
	}
	if test, err = testSplit.open(s, classes); err != nil {
		return nil, nil, errors.Join(err, train.Close())
	}
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

// testDir returns the folder of the images to measure on: the first of test,
// val and valid that has folders of classes. It is noted which others have.
func (t *tree) testDir(root string, note func(string)) (string, error) {
	var found []string
	for _, name := range []string{"test", "val", "valid"} {
		if dir := path.Join(root, name); len(t.children(dir)) > 0 {
			found = append(found, dir)
		}
	}
	if len(found) == 0 {
		return "", t.fault("", errors.New("no test, val or valid folder with a folder for each class; want test/CLASS/*.jpg"))
	}
	if len(found) > 1 && note != nil {
		note(fmt.Sprintf("%s: measured on %s; not used: %s", t.path, found[0], strings.Join(found[1:], ", ")))
	}
	return found[0], nil
}

// sameClasses reports where the folders in dir are not those of the classes.
func (t *tree) sameClasses(dir string, classes []string) error {
	have := t.children(dir)
	for _, name := range have {
		if _, ok := slices.BinarySearch(classes, name); !ok {
			return t.fault(path.Join(dir, name), errors.New("there is no such class to train on"))
		}
	}
	for _, name := range classes {
		if _, ok := slices.BinarySearch(have, name); !ok {
			return t.fault(dir, fmt.Errorf("no folder for class %s, which there is to train on", name))
		}
	}
	return nil
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
	slices.Sort(names)
	return names
}

// A picture is a file and its label.
type picture struct {
	file  string
	label int32
}

// pictures lists the images in the folder of a split: the first of each class,
// then the second of each, and so on, so that any first part of the list is
// balanced as well as it can be.
func (t *tree) pictures(dir string, classes []string) ([]picture, error) {
	of := make([][]string, len(classes))
	most := 0
	for label, class := range classes {
		prefix := path.Join(dir, class)
		// Sorted: all files below the folder lie between these two.
		lo, _ := slices.BinarySearch(t.files, prefix+"/")
		hi, _ := slices.BinarySearch(t.files, prefix+"0") // '0' follows '/'
		of[label] = t.files[lo:hi]
		if lo == hi {
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
