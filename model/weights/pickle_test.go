package weights

import (
	"strings"
	"testing"
)

// TestScanPickle looks at the operations one by one, as Python's pickletools
// describes them.
func TestScanPickle(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want int    // length of the pickle
		err  string // "" for none
	}{
		{"\x80\x02N.", 4, ""},
		{"\x80\x02N.N.", 4, ""},
		{"K\x01M\x01\x02J\x01\x02\x03\x04\x8a\x02\x01\x02ttt.", 18, ""},
		{"G\x00\x00\x00\x00\x00\x00\x00\x00.", 10, ""},
		{"U\x03abcX\x02\x00\x00\x00ab\x8c\x01aC\x00B\x01\x00\x00\x00a.", 24, ""},
		{"cos\nsystem\n.", 12, ""}, // a name is not yet a call
		{"", 0, "cut short"},
		{"N", 0, "cut short"},
		{"J\x01\x02\x03", 0, "cut short"},
		{"X\x03\x00\x00\x00ab", 0, "cut short"},
		{"X\x03\x00", 0, "cut short"},
		{"X\xff\xff\xff\xffab.", 0, "cut short"},
		{"\x8d\xff\xff\xff\xff\xff\xff\xff\xffab.", 0, "cut short"},
		{"\x8e\xf8\xff\xff\xff\xff\xff\xff\xffab.", 0, "cut short"},
		{"\x95\xff\xff\xff\x00\x00\x00\x00\x00N.", 0, "cut short"},
		{"U", 0, "cut short"},
		{"cos\nsystem", 0, "no end"},
		{"c" + strings.Repeat("a", 2000) + "\nb\n.", 0, "no end"},
		{"\x8a\x00.", 0, "an integer of 0 bytes"},
		{"\x8a\x20" + strings.Repeat("\x01", 32) + ".", 0, "an integer of 32 bytes"},
		{"I1\n.", 0, "operation 0x49"},           // INT, as text
		{"\x82\x01.", 0, "operation 0x82"},       // EXT1
		{"(ios\nsystem\n.", 0, "operation 0x69"}, // INST
		{"\xff.", 0, "operation 0xff"},
		{strings.Repeat("N", maxOperations) + ".", 0, "over 524288 operations"},
		{strings.Repeat("X\xf0\xff\xff\x00"+strings.Repeat("a", 0xfffff0), 2) + ".", 0, "over 16777216 bytes"},
	} {
		n, err := scanPickle([]byte(tt.in))
		if n != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%.40q: %d, %v, want %d, %q", tt.in, n, err, tt.want, tt.err)
		}
	}
}

// TestUnpickleRefuses runs pickles that the machine stumbles over.
func TestUnpickleRefuses(t *testing.T) {
	const storage = "ctorch\nFloatStorage\n"
	id := func(class string, numel byte) string { // of storage "0"
		return "(X\x07\x00\x00\x00storagectorch\n" + class + "Storage\nX\x01\x00\x00\x000NK" + string(rune(numel)) + "tQ"
	}
	for _, tt := range []struct{ in, want string }{
		{"cos\nsystem\nX\x02\x00\x00\x00ls\x85R.", `"os.system", which is refused`},
		{"\x8c\x02os\x8c\x06system\x93\x8c\x02ls\x85R.", `"os.system", which is refused`},
		{"cbuiltins\neval\n.", `"builtins.eval", which is refused`},
		{"ctorch.hub\nload\n.", `"torch.hub.load", which is refused`},
		{".", "malformed"},                // nothing on the stack
		{"t.", "malformed"},               // no mark
		{"(Nd.", "malformed"},             // a dictionary of a key without value
		{"\x8f(C\x01a\x90.", "malformed"}, // bytes in a set of Go's
		{"N]Ns.", "malformed"},            // NONE for a dictionary's place
		{"ccollections\nOrderedDict\n(](](X\x01\x00\x00\x00aNeetR.", "as Python 2 wrote it"},
		{"NQ.", "a persistent id that is none of a storage"},
		{"X\x01\x00\x00\x00aQ.", "a persistent id that is none of a storage"},
		{")Q.", "0 elements, want 5"},
		{"(X\x06\x00\x00\x00moduleNNNNtQ.", "does not begin with"},
		{"(X\x07\x00\x00\x00storage" + storage + "X\x01\x00\x00\x000NJ\xff\xff\xff\xfftQ.", "no integer from 0"},
		{"(X\x07\x00\x00\x00storage" + storage + "K\x01NK\x01tQ.", "key is not a string"},
		{"(X\x07\x00\x00\x00storageNX\x01\x00\x00\x000NK\x01tQ.", "not of the known element types"},
		{"(X\x07\x00\x00\x00storage" + storage + "X\x01\x00\x00\x000NK\x01K\x01tQ.", "before 0.4"},
		{id("Float", 4) + "0" + id("Float", 4) + "0" + id("Double", 2) + ".", `storage "0" is both 4 × F32 and 2 × F64`},
		{id("Float", 26) + ".", "larger than the 100 bytes"},
		{"ctorch._utils\n_rebuild_tensor_v2\n)R.", "0 arguments"},
		{"ctorch._utils\n_rebuild_tensor_v2\n(NNNNtR.", "without a storage"},
		{"ctorch._utils\n_rebuild_tensor_v2\n(NNNNNN}tR.", "without a storage"},
		{"ctorch._utils\n_rebuild_tensor_v2\n(NNNNNN}X\x03\x00\x00\x00neg\x88stR.", "negative or conjugate view"},
		{"ctorch._utils\n_rebuild_parameter\n)R.", "without a tensor"},
	} {
		_, _, err := unpickleState([]byte(tt.in), storageTable{}, func(string) (int64, error) { return 100, nil })
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: error %v, want %q", tt.in, err, tt.want)
		}
	}
}

// TestTensorViews looks at views at and beyond the edge of a storage of 24
// elements.
func TestTensorViews(t *testing.T) {
	s := &storageRef{"0", "F32", 24}
	for _, tt := range []struct {
		t    tensorRef
		want string // "" for none
	}{
		{tensorRef{s, 0, []int{24}, []int64{1}}, ""},
		{tensorRef{s, 23, nil, nil}, ""},
		{tensorRef{s, 24, nil, nil}, "element 24 of a storage of 24"},
		{tensorRef{s, 1, []int{24}, []int64{1}}, "element 24 of a storage of 24"},
		{tensorRef{s, 0, []int{4, 6}, []int64{6, 1}}, ""},
		{tensorRef{s, 0, []int{6, 4}, []int64{1, 6}}, ""},
		{tensorRef{s, 0, []int{6, 4}, []int64{1, 7}}, "element 26 of a storage of 24"},
		{tensorRef{s, 0, []int{25}, []int64{0}}, "100 bytes in a storage of 96"},
		{tensorRef{s, 0, []int{2}, []int64{1 << 62}}, "of a storage of 24"},
		{tensorRef{s, 0, []int{3}, []int64{1 << 62}}, "too large"},
		{tensorRef{s, 1 << 62, []int{2}, []int64{1 << 62}}, "too large"},
		{tensorRef{s, 0, []int{1 << 40, 1 << 40}, []int64{1, 1}}, "too large"},
		{tensorRef{s, 1 << 62, []int{0, 9}, []int64{1, 1}}, ""},
		{tensorRef{s, 0, make([]int, 65), make([]int64, 65)}, "65 axes"},
		{tensorRef{s, 0, []int{1, 24}, []int64{1 << 62, 1}}, ""},
	} {
		err := tt.t.check()
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: error %v, want %q", tt.t, err, tt.want)
		}
	}
}

// TestManyViews reads views that must be copied: each is smaller than the
// storage, all together are not.
func TestManyViews(t *testing.T) {
	s := &storageRef{"0", "F32", 24}
	turned := &tensorRef{s, 0, []int{6, 4}, []int64{1, 6}}
	read := func(*storageRef) ([]byte, error) { return make([]byte, 96), nil }
	list := []namedRef{{"a", turned}, {"b", turned}}
	if _, err := readTensors(list, read); err != nil {
		t.Error(err)
	}
	if _, err := readTensors(append(list, namedRef{"c", turned}), read); err == nil || !strings.Contains(err.Error(), "take 288 bytes of storages of 96") {
		t.Errorf("error %v", err)
	}
}
