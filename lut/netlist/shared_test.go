package netlist_test

import (
	"os"
	"path/filepath"
	"testing"
)

// sharedFile returns the path of a file of the shared data: in the folder that
// GPUTRAIN_SHARED names, else in a folder "shared" beside the repository. It
// skips the test if there is none, or fails it if GPUTRAIN_REQUIRE_SHARED=1.
func sharedFile(t testing.TB, elem ...string) string {
	t.Helper()
	folder := os.Getenv("GPUTRAIN_SHARED")
	if folder == "" {
		root, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		for {
			if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil || root == filepath.Dir(root) {
				break
			}
			root = filepath.Dir(root)
		}
		folder = filepath.Join(filepath.Dir(root), "shared")
	}
	path := filepath.Join(append([]string{folder}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("GPUTRAIN_REQUIRE_SHARED") == "1" {
			t.Fatalf("GPUTRAIN_REQUIRE_SHARED=1: %v", err)
		}
		t.Skipf("shared data: %v", err)
	}
	return path
}
