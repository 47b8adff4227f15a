package weights

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nlpodyssey/gopickle/types"
)

// wrappers are the keys under which training scripts keep a state dict, the
// first that is there being taken.
var wrappers = []string{"state_dict", "model_state_dict", "model", "model_ema"}

// prefixes are what wrappers of modules put before every name:
// nn.DataParallel and its relatives, and torch.compile.
var prefixes = []string{"module.", "_orig_mod."}

// fromState finds the state dict in what a pickle left, and returns its
// tensors, and a file that has their metadata and the notes of what was
// assumed.
func fromState(root any) (*File, []namedRef, error) {
	f := &File{}
	dict, others, ok := pairs(root)
	if !ok {
		return nil, nil, errors.New("neither a state dict nor a dictionary that has one: save model.state_dict()")
	}
	const deepest = 4
	for range deepest {
		key, inner := unwrap(dict)
		if key == "" {
			break
		}
		rest := others
		var names []string
		for _, p := range dict {
			if p.name != key {
				names = append(names, p.name)
			}
		}
		text := fmt.Sprintf("the tensors are those under %q", key)
		if len(names)+rest > 0 {
			text += "; left out beside it: " + some(names, rest)
		}
		f.note("%s", text)
		root = inner
		dict, others, _ = pairs(inner)
	}

	var list []namedRef
	var idle []string
	seen := make(map[string]bool)
	for _, p := range dict {
		t, ok := p.value.(*tensorRef)
		switch {
		case !ok:
			idle = append(idle, p.name)
		case seen[p.name]:
			return nil, nil, fmt.Errorf("tensor %q appears twice", p.name)
		default:
			seen[p.name] = true
			list = append(list, namedRef{p.name, t})
		}
	}
	if len(list) == 0 {
		return nil, nil, fmt.Errorf("no tensors, neither at the top nor under %s; it has %s", strings.Join(wrappers, ", "), some(idle, others))
	}
	if len(idle)+others > 0 {
		f.note("left out, for they are no tensors: %s", some(idle, others))
	}
	var err error
	f.Metadata, err = stateMetadata(root)
	return f, list, err
}

// unwrap returns the dictionary under one of the wrappers, and its key.
func unwrap(dict []pair) (key string, inner any) {
	for _, key := range wrappers {
		v := lookup(dict, key)
		if _, _, ok := pairs(v); ok {
			return key, v
		}
	}
	return "", nil
}

// metadataModule is the name under which the metadata of a file of ours stands
// in the attribute _metadata of a state dict.
const metadataModule = "gputrain"

// stateMetadata returns what WritePTH has put beside the tensors. The versions
// of modules that PyTorch keeps there say nothing that the tensors do not.
func stateMetadata(root any) (map[string]string, error) {
	dict, ok := root.(*types.OrderedDict)
	if !ok {
		return nil, nil
	}
	modules, _, _ := pairs(dict.PyDict["_metadata"])
	list, _, ok := pairs(lookup(modules, metadataModule))
	if !ok {
		return nil, nil
	}
	m := make(map[string]string)
	for _, p := range list {
		text, ok := p.value.(string)
		if !ok {
			return nil, fmt.Errorf("metadata %q is not a string", p.name)
		}
		m[p.name] = text
	}
	return m, nil
}

// stripPrefixes removes what stands before every name.
func (f *File) stripPrefixes() {
	var removed string
	for again := len(f.Tensors) > 0; again; {
		again = false
		for _, prefix := range prefixes {
			has := func(t Tensor) bool { return len(t.Name) > len(prefix) && strings.HasPrefix(t.Name, prefix) }
			if slices.ContainsFunc(f.Tensors, func(t Tensor) bool { return !has(t) }) {
				continue
			}
			for i := range f.Tensors {
				f.Tensors[i].Name = f.Tensors[i].Name[len(prefix):]
			}
			removed += prefix
			again = true
		}
	}
	if removed != "" {
		f.note("every name began with %q, which is left out", removed)
	}
}

// some lists a few names, and how many more there are.
func some(names []string, others int) string {
	const shown = 6
	var list []string
	for _, name := range names[:min(shown, len(names))] {
		list = append(list, fmt.Sprintf("%.60q", name))
	}
	if more := len(names) - len(list) + others; more > 0 {
		list = append(list, fmt.Sprintf("%d more", more))
	}
	if len(list) == 0 {
		return "nothing"
	}
	return strings.Join(list, ", ")
}

func (f *File) note(format string, args ...any) {
	f.Notes = append(f.Notes, fmt.Sprintf(format, args...))
}
