package weights

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/nlpodyssey/gopickle/pickle"
	"github.com/nlpodyssey/gopickle/types"
)

// An unpickler runs pickles in which tensors stand as [tensorRef]. No code of
// a pickle's choice can run, as a class is a value of this package's or an
// error that names it.
type unpickler struct {
	// load answers a persistent id, that of a storage.
	load func(id *types.Tuple) (*storageRef, error)
}

// run runs the pickle at the head of b. It returns what the pickle leaves and
// its length.
func (u *unpickler) run(b []byte) (value any, n int, err error) {
	if n, err = scanPickle(b); err != nil {
		return nil, 0, err
	}
	defer func() {
		// The machine panics where an operation finds too little to work on, or
		// a key that cannot be one.
		if r := recover(); r != nil {
			value, n, err = nil, 0, fmt.Errorf("a malformed pickle: %v", r)
		}
	}()
	machine := pickle.NewUnpickler(bytes.NewReader(b[:n]))
	machine.FindClass = findClass
	machine.PersistentLoad = func(id any) (any, error) {
		t, ok := id.(*types.Tuple)
		if !ok || u.load == nil {
			return nil, &stateError{errors.New("a persistent id that is none of a storage")}
		}
		s, err := u.load(t)
		if err != nil {
			return nil, &stateError{err}
		}
		return s, nil
	}
	if value, err = machine.Load(); err != nil {
		return nil, 0, pickleError(err)
	}
	return value, n, nil
}

// A stateError is what this package, not the machine, finds wrong.
type stateError struct{ err error }

func (e *stateError) Error() string { return e.err.Error() }
func (e *stateError) Unwrap() error { return e.err }

// pickleError shortens what the machine says, which may print all that was on
// its stack.
func pickleError(err error) error {
	var ours *stateError
	if errors.As(err, &ours) {
		return ours.err
	}
	text := strings.ReplaceAll(err.Error(), "\n", " ")
	if strings.HasPrefix(text, "OrderedDictClass.Call args") {
		return errors.New("an OrderedDict as Python 2 wrote it: load the file with Python 3 and save it again")
	}
	const most = 160
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return fmt.Errorf("a malformed pickle: %s", text)
}

// findClass answers for a class by its name. collections.OrderedDict and what
// copy_reg needs for plain objects the machine knows itself.
func findClass(module, name string) (any, error) {
	full := module + "." + name
	if dtype, ok := storageClasses[full]; ok {
		return storageClass{dtype}, nil
	}
	if f, ok := rebuilders[full]; ok {
		return f, nil
	}
	if inertClasses[full] {
		return inert{}, nil
	}
	return nil, &stateError{fmt.Errorf("the pickle asks for %.100q, which is refused, and nothing of it is run: save tensors alone, by torch.save(model.state_dict(), FILE)", full)}
}

// storageClasses are the element types of tensors.
var storageClasses = map[string]string{
	"torch.DoubleStorage": "F64", "torch.FloatStorage": "F32", "torch.HalfStorage": "F16", "torch.BFloat16Storage": "BF16",
	"torch.LongStorage": "I64", "torch.IntStorage": "I32", "torch.ShortStorage": "I16", "torch.CharStorage": "I8",
	"torch.ByteStorage": "U8", "torch.BoolStorage": "BOOL",
}

type storageClass struct{ dtype string }

// rebuilders are the functions by which a pickle makes tensors.
var rebuilders = map[string]rebuilder{
	"torch._utils._rebuild_tensor":               rebuildTensor,
	"torch._utils._rebuild_tensor_v2":            rebuildTensor,
	"torch._utils._rebuild_parameter":            rebuildParameter,
	"torch._utils._rebuild_parameter_with_state": rebuildParameter,
}

// A rebuilder makes a tensor from the arguments of a call.
type rebuilder func(args []any) (*tensorRef, error)

// Call implements [types.Callable].
func (f rebuilder) Call(args ...any) (any, error) {
	t, err := f(args)
	if err != nil {
		return nil, &stateError{err}
	}
	return t, nil
}

// inertClasses are found in checkpoints beside the state dict: settings and
// figures of the training. They are let pass and come to nothing.
var inertClasses = map[string]bool{
	"argparse.Namespace": true, "types.SimpleNamespace": true,
	"collections.defaultdict": true, "collections.Counter": true,
	"pathlib.PosixPath": true, "pathlib.WindowsPath": true,
	"builtins.set": true, "builtins.frozenset": true, "builtins.list": true, "builtins.dict": true, "builtins.int": true, "builtins.float": true,
	"__builtin__.set": true, "__builtin__.frozenset": true, "__builtin__.list": true, "__builtin__.dict": true, "__builtin__.int": true, "__builtin__.float": true,
	"_codecs.encode": true,
	"torch.Size":     true, "torch.device": true,
	"torch.float64": true, "torch.float32": true, "torch.float16": true, "torch.bfloat16": true,
	"torch.int64": true, "torch.int32": true, "torch.int16": true, "torch.int8": true, "torch.uint8": true, "torch.bool": true,
	"numpy.dtype": true, "numpy.ndarray": true,
	"numpy.core.multiarray.scalar": true, "numpy.core.multiarray._reconstruct": true,
	"numpy._core.multiarray.scalar": true, "numpy._core.multiarray._reconstruct": true,
}

// inert is a class, and an object, of which nothing is kept.
type inert struct{}

func (inert) Call(...any) (any, error)  { return inert{}, nil }
func (inert) PyNew(...any) (any, error) { return inert{}, nil }
func (inert) PySetState(any) error      { return nil }
func (inert) Set(any, any)              {}
func (inert) Append(any)                {}
func (inert) Add(any)                   {}

// A pair is an entry of a Python dictionary whose key is a string.
type pair struct {
	name  string
	value any
}

// pairs returns the entries of a dictionary in their order, and how many keys
// are no strings. ok is false where v is none.
func pairs(v any) (list []pair, others int, ok bool) {
	add := func(key, value any) {
		if name, ok := key.(string); ok {
			list = append(list, pair{name, value})
		} else {
			others++
		}
	}
	switch d := v.(type) {
	case *types.Dict:
		for _, e := range *d {
			add(e.Key, e.Value)
		}
	case *types.OrderedDict:
		for e := d.List.Front(); e != nil; e = e.Next() {
			entry := e.Value.(*types.OrderedDictEntry)
			add(entry.Key, entry.Value)
		}
	default:
		return nil, 0, false
	}
	return list, others, true
}

// lookup returns the last value under name, as Python would.
func lookup(list []pair, name string) any {
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].name == name {
			return list[i].value
		}
	}
	return nil
}
