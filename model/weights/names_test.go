package weights

import (
	"archive/zip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A dict is a Python dictionary that a test writes: names and values in turns,
// a value being a tensor, a text, an integer or another dict.
type dict []any

// value pushes v.
func (p *pickler) value(t *testing.T, v any, contents *[]string) {
	switch v := v.(type) {
	case Tensor:
		key := string(rune('0' + len(*contents)/2))
		if err := p.tensor(key, v); err != nil {
			t.Fatal(err)
		}
		*contents = append(*contents, "a/data/"+key, string(v.Data))
	case string:
		p.text(v)
	case int:
		p.integer(v)
	case dict:
		p.op('}', '(')
		for _, v := range v {
			p.value(t, v, contents)
		}
		p.op('u')
	default:
		t.Fatalf("value %v", v)
	}
}

// readValue reads the archive whose pickle leaves v.
func readValue(t *testing.T, v any) (*File, error) {
	t.Helper()
	p := &pickler{}
	var contents []string
	p.value(t, v, &contents)
	p.op('.')
	return readBytes(records(zip.Store, append([]string{"a/data.pkl", string(p.b)}, contents...)...))
}

func TestNesting(t *testing.T) {
	a, b := formula(1, "a", "F32", 2), formula(2, "b", "F32")
	ema := formula(3, "a", "F32", 2)
	ab := dict{"a", a, "b", b}
	for _, tt := range []struct {
		name  string
		in    any
		notes []string
	}{
		{"plain", ab, nil},
		{"state_dict", dict{"state_dict", ab}, []string{`the tensors are those under "state_dict"`}},
		{"model_state_dict", dict{"step", 7, "model_state_dict", ab}, []string{`the tensors are those under "model_state_dict"; left out beside it: "step"`}},
		{"model_ema", dict{"model_ema", ab}, []string{`the tensors are those under "model_ema"`}},
		{"one of two", dict{"model_ema", dict{"a", ema}, "model", ab}, []string{`the tensors are those under "model"; left out beside it: "model_ema"`}},
		{"two levels", dict{"model", dict{"state_dict", ab, "arch", "resnet18"}},
			[]string{`the tensors are those under "model"`, `the tensors are those under "state_dict"; left out beside it: "arch"`}},
		{"model of another kind", dict{"model", "resnet18", "a", a, "b", b}, []string{`left out, for they are no tensors: "model"`}},
		{"entries", dict{"a", a, "version", "1", "b", b, 3, 4}, []string{`left out, for they are no tensors: "version", 1 more`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, err := readValue(t, tt.in)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(&File{Tensors: []Tensor{a, b}, Format: FormatZip, Notes: tt.notes}, f); d != "" {
				t.Error(d)
			}
		})
	}
	for _, tt := range []struct {
		name string
		in   any
		want string
	}{
		{"empty", dict{}, "no tensors, neither at the top nor under state_dict, model_state_dict, model, model_ema; it has nothing"},
		{"other keys", dict{"encoder", ab, "decoder", ab}, `it has "encoder", "decoder"`},
		{"text", "a", "neither a state dict nor"},
		{"a tensor", a, "neither a state dict nor"},
		{"twice", dict{"a", a, "a", a}, `tensor "a" appears twice`},
		{"reserved", dict{"__metadata__", a}, `"__metadata__": the name is taken`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if f, err := readValue(t, tt.in); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, error %v, want %q", f, err, tt.want)
			}
		})
	}
}

func TestPrefixes(t *testing.T) {
	for _, tt := range []struct {
		in, want string // names
		removed  string
	}{
		{"a b.c", "a b.c", ""},
		{"module.a module.b.c", "a b.c", "module."},
		{"_orig_mod.a _orig_mod.b", "a b", "_orig_mod."},
		{"module._orig_mod.a module._orig_mod.b", "a b", "module._orig_mod."},
		{"_orig_mod.module.a _orig_mod.module.b", "a b", "_orig_mod.module."},
		{"_orig_mod.module.module.a _orig_mod.module.module.b", "a b", "_orig_mod.module.module."},
		{"module.a b", "module.a b", ""}, // a module of that name
		{"module. module.a", "module. module.a", ""},
		{"x.module.a x.module.b", "x.module.a x.module.b", ""},
	} {
		f := &File{}
		for _, name := range strings.Fields(tt.in) {
			f.Tensors = append(f.Tensors, formula(0, name, "F32"))
		}
		f.stripPrefixes()
		var got []string
		for _, x := range f.Tensors {
			got = append(got, x.Name)
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%q became %q, want %q", tt.in, got, tt.want)
		}
		var notes []string
		if tt.removed != "" {
			notes = []string{`every name began with "` + tt.removed + `", which is left out`}
		}
		if d := cmp.Diff(notes, f.Notes); d != "" {
			t.Errorf("%q: %s", tt.in, d)
		}
	}
}
