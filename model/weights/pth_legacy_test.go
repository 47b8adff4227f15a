package weights

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A legacy file, part by part: a test changes one.
type legacy struct {
	magic, version, system, state, keys string
	numel                               []uint64 // of the records
	data                                []string
	rest                                string
}

func newLegacy() *legacy {
	return &legacy{
		magic:   "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.",
		version: "\x80\x02M\xe9\x03.",
		system:  "\x80\x02}X\x0d\x00\x00\x00little_endian\x88s.",
		state:   strings.Replace(statePickle("FloatStorage", 1), "tQ", "NtQ", 1),
		keys:    "\x80\x02]X\x01\x00\x00\x000a.",
		numel:   []uint64{1},
		data:    []string{"\x00\x00\x80\x3f"},
	}
}

func (l *legacy) bytes() []byte {
	b := []byte(l.magic + l.version + l.system + l.state + l.keys)
	for i, d := range l.data {
		b = append(binary.LittleEndian.AppendUint64(b, l.numel[i]), d...)
	}
	return append(b, l.rest...)
}

func TestLegacy(t *testing.T) {
	f, err := readBytes(newLegacy().bytes())
	if err != nil {
		t.Fatal(err)
	}
	want := &File{Tensors: []Tensor{FromFloat32("w", []int{1}, []float32{1})}, Format: FormatLegacy}
	if d := cmp.Diff(want, f); d != "" {
		t.Error(d)
	}
	framed := newLegacy() // as protocol 4 writes it
	framed.magic = "\x80\x04\x95\x0d\x00\x00\x00\x00\x00\x00\x00" + framed.magic[2:]
	if f, err = readBytes(framed.bytes()); err != nil || !cmp.Equal(f, want) {
		t.Errorf("protocol 4: %v, %v", f, err)
	}
	for _, tt := range []struct {
		name   string
		change func(l *legacy)
		want   string
	}{
		{"version", func(l *legacy) { l.version = "\x80\x02M\xe8\x03." }, "version 1000 of the legacy form, want 1001"},
		{"big-endian", func(l *legacy) { l.system = strings.Replace(l.system, "\x88", "\x89", 1) }, "not little-endian"},
		{"no byte order", func(l *legacy) { l.system = "\x80\x02}." }, "not little-endian"},
		{"no list", func(l *legacy) { l.keys = "\x80\x02N." }, "no list of the keys"},
		{"no keys", func(l *legacy) { l.keys, l.data = "\x80\x02].", nil }, `storage "0" is not in the file`},
		{"another key", func(l *legacy) { l.keys = "\x80\x02]X\x01\x00\x00\x001a." }, `storage "1" belongs to no tensor`},
		{"a key twice", func(l *legacy) {
			l.keys = "\x80\x02]X\x01\x00\x00\x000aX\x01\x00\x00\x000a."
			l.numel, l.data = []uint64{1, 1}, []string{"1234", "1234"}
		}, `storage "0" appears twice`},
		{"no record", func(l *legacy) { l.data = nil }, "cut short"},
		{"a record cut short", func(l *legacy) { l.data[0] = "123" }, "larger than the 3 bytes"},
		{"elements", func(l *legacy) { l.numel[0] = 2 }, "has 2 elements where it stands, want 1"},
		{"more behind", func(l *legacy) { l.rest = "x" }, "the storages end at byte"},
		{"view of a storage", func(l *legacy) { l.state = strings.Replace(l.state, "NtQ", "K\x01tQ", 1) }, "before 0.4"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newLegacy()
			tt.change(l)
			if f, err := readBytes(l.bytes()); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, error %v, want %q", f, err, tt.want)
			}
		})
	}
}
