package dataset

import (
	"strings"
	"testing"
)

func TestSourceValidate(t *testing.T) {
	for _, good := range []Source{
		{Name: "synthetic"}, {Name: "synthetic", TrainImages: 10, TestImages: 10, Seed: 1},
		{Name: "cifar10", Path: "x", TrainImages: 1 << 30},
		{Name: "folder", Path: "x", Size: 4096, Channels: 1},
		{Name: "folder", Path: "x", Size: 224, Resize: 256, Store: "packed", CacheDir: "y", SkipBad: true},
		{Name: "folder", Path: "x", Size: 224, Resize: 224, Store: "files"}, {Name: "folder", Path: "x", Store: "memory"},
		{Name: "cifar100", Path: "x", Coarse: true},
	} {
		if err := good.Validate(); err != nil {
			t.Errorf("%+v: %v", good, err)
		}
	}
	for _, c := range []struct {
		source Source
		want   []string // one of each fault
	}{
		{Source{}, []string{`name ""`}},
		{Source{Name: "cifar", Path: "x"}, []string{`name "cifar", want one of cifar10, cifar100, folder, idx, mnist, synthetic`}},
		{Source{Name: "mnist"}, []string{"no path"}},
		{Source{Name: "synthetic", Path: "x", TestImages: 1<<20 + 1}, []string{`path "x"`, "test_images 1048577"}},
		{Source{Name: "idx", Path: "x", Size: 32, Channels: 3, TrainImages: -1}, []string{"size 32", "channels 3", "train_images -1"}},
		{Source{Name: "folder", Path: "x", Size: 4097, Channels: 2}, []string{"size 4097", "channels 2, want 1 or 3"}},
		{Source{Name: "folder", Path: "x", Size: 224, Resize: 200}, []string{"resize 200, want 224"}},
		{Source{Name: "folder", Path: "x", Resize: 256}, []string{"resize 256"}},
		{Source{Name: "folder", Path: "x", Store: "disk", CacheDir: "y"}, []string{`store "disk", want one of memory, packed, files`, "cache_dir"}},
		{Source{Name: "folder", Path: "x", Store: "files"}, []string{`store "files" without a size`}},
		{Source{Name: "folder", Path: "x", Coarse: true}, []string{"coarse"}},
		{Source{Name: "cifar10", Path: "x", Coarse: true, SkipBad: true, Store: "memory"}, []string{"coarse", "store", "skip_bad"}},
	} {
		err := c.source.Validate()
		if err == nil {
			t.Errorf("%+v passes", c.source)
			continue
		}
		lines := strings.Split(err.Error(), "\n")
		if len(lines) != len(c.want) {
			t.Errorf("%+v: %q, want %d faults", c.source, lines, len(c.want))
			continue
		}
		for i, want := range c.want {
			if !strings.Contains(lines[i], want) {
				t.Errorf("%+v: %q, want %q", c.source, lines[i], want)
			}
		}
		if _, _, openErr := Open(c.source); openErr == nil || openErr.Error() != err.Error() {
			t.Errorf("%+v: Open says %v, Validate %v", c.source, openErr, err)
		}
	}
}

// TestSHA256 pins the digest of a set, made by sha256sum of the bytes that the
// comment of SHA256 states, and changes each part of it.
func TestSHA256(t *testing.T) {
	base := func() *Set {
		return &Set{Name: "a", C: 1, H: 2, W: 3, Labels: []int32{1, 0}, Images: []uint8{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}}
	}
	const want = "f155555efca792eac36f8dccbf029b2bc1c6b75be0cc4b764fe6003519afa2b5"
	if got := base().SHA256(); got != want {
		t.Errorf("digest %s, want %s", got, want)
	}
	renamed := base()
	renamed.Name, renamed.Classes = "b", []string{"x", "y"}
	if renamed.SHA256() != want {
		t.Error("the digest depends on names")
	}
	for name, change := range map[string]func(*Set){
		"shape":    func(s *Set) { s.H, s.W = 3, 2 },
		"channels": func(s *Set) { s.C, s.H = 2, 1 },
		"label":    func(s *Set) { s.Labels[1] = 1 },
		"pixel":    func(s *Set) { s.Images[11]++ },
	} {
		s := base()
		change(s)
		if s.SHA256() == want {
			t.Errorf("the digest does not see the %s", name)
		}
	}
}
