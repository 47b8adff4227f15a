package dataset

import "fmt"

// An Error reports a data set that cannot be used, and where its fault lies.
type Error struct {
	Path  string // the folder or archive, as the user named it
	Entry string // the file in it, slash-separated; empty if it is Path itself
	Err   error  // what is wrong
}

func (e *Error) Error() string {
	if e.Entry == "" {
		return fmt.Sprintf("dataset: %s: %v", e.Path, e.Err)
	}
	return fmt.Sprintf("dataset: %s: %s: %v", e.Path, e.Entry, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }
