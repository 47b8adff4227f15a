package weights

import (
	"errors"
	"fmt"
	"math"
	"math/big"

	"github.com/nlpodyssey/gopickle/types"
)

// A storageRef is the memory of one or more tensors, as a pickle names it.
type storageRef struct {
	key   string
	dtype string
	numel int64
}

func (s *storageRef) bytes() int64 { return s.numel * int64(elementSize(s.dtype)) }

// A tensorRef is a view of a storage: element i of it is element
// offset + Σ i[d]·strides[d] of the storage.
type tensorRef struct {
	storage *storageRef
	offset  int64
	shape   []int
	strides []int64
}

// A namedRef is a tensor of a state dict whose elements have not been read.
type namedRef struct {
	name string
	*tensorRef
}

// storageTable knows the storages of one pickle, by key.
type storageTable map[string]*storageRef

// ref answers the persistent id
//
//	("storage", class, key, location, elements)
//
// or, of legacy files, the same with a sixth element that says that the
// storage is part of another, which was last written in 2018. size returns the
// bytes of the file that the storage may have.
func (s storageTable) ref(id *types.Tuple, size func(key string) (int64, error)) (*storageRef, error) {
	bad := func(text string) (*storageRef, error) { return nil, fmt.Errorf("the id of a storage: %s", text) }
	if id.Len() != 5 && id.Len() != 6 {
		return bad(fmt.Sprintf("%d elements, want 5", id.Len()))
	}
	if id.Get(0) != "storage" {
		return bad("it does not begin with \"storage\"")
	}
	if id.Len() == 6 && id.Get(5) != nil {
		return bad("a view of another storage, as PyTorch wrote before 0.4: save the file again with a later one")
	}
	class, ok := id.Get(1).(storageClass)
	if !ok {
		return bad("its class is not of the known element types")
	}
	key, ok := id.Get(2).(string)
	if !ok {
		return bad("its key is not a string")
	}
	numel, ok := id.Get(4).(int)
	if !ok || numel < 0 {
		return bad("its number of elements is no integer from 0")
	}
	r := &storageRef{key, class.dtype, int64(numel)}
	if known, ok := s[key]; ok {
		if *known != *r {
			return nil, fmt.Errorf("storage %.40q is both %d × %s and %d × %s", key, known.numel, known.dtype, r.numel, r.dtype)
		}
		return known, nil
	}
	there, err := size(key)
	if err != nil {
		return nil, err
	}
	if r.numel > there/int64(elementSize(r.dtype)) {
		return nil, fmt.Errorf("storage %.40q of %d × %s is larger than the %d bytes that the file has for it: cut short?", key, r.numel, r.dtype, there)
	}
	s[key] = r
	return r, nil
}

// unpickleState runs the pickle of a state dict at the head of b, as
// [unpickler.run] does, with its storages coming to s.
func unpickleState(b []byte, s storageTable, size func(key string) (int64, error)) (root any, n int, err error) {
	u := unpickler{load: func(id *types.Tuple) (*storageRef, error) { return s.ref(id, size) }}
	return u.run(b)
}

// rebuildTensor is torch._utils._rebuild_tensor_v2(storage, offset, size,
// stride, requires_grad, backward_hooks, metadata); its forerunner has the
// first four arguments. Metadata, of which there are none as a rule, would say
// that the elements are meant with the other sign.
func rebuildTensor(args []any) (*tensorRef, error) {
	if len(args) < 4 {
		return nil, fmt.Errorf("a tensor of %d arguments, want at least 4", len(args))
	}
	const metadata = 6
	if len(args) > metadata {
		if list, others, _ := pairs(args[metadata]); len(list)+others > 0 {
			return nil, errors.New("a tensor that is a negative or conjugate view: save it with .resolve_neg()")
		}
	}
	t := &tensorRef{}
	var ok bool
	if t.storage, ok = args[0].(*storageRef); !ok {
		return nil, errors.New("a tensor without a storage")
	}
	offset, ok := args[1].(int)
	if !ok || offset < 0 {
		return nil, errors.New("a tensor whose offset is no integer from 0")
	}
	t.offset = int64(offset)
	shape, err := integers(args[2])
	if err != nil {
		return nil, fmt.Errorf("the size of a tensor: %w", err)
	}
	strides, err := integers(args[3])
	if err != nil {
		return nil, fmt.Errorf("the stride of a tensor: %w", err)
	}
	if len(shape) != len(strides) {
		return nil, fmt.Errorf("a tensor of %d sizes and %d strides", len(shape), len(strides))
	}
	t.shape = make([]int, len(shape))
	for i, d := range shape {
		t.shape[i] = int(d)
	}
	t.strides = strides
	return t, t.check()
}

// rebuildParameter is torch._utils._rebuild_parameter(data, requires_grad,
// backward_hooks).
func rebuildParameter(args []any) (*tensorRef, error) {
	if len(args) > 0 {
		if t, ok := args[0].(*tensorRef); ok {
			return t, nil
		}
	}
	return nil, errors.New("a parameter without a tensor")
}

// integers reads a tuple of integers from 0.
func integers(v any) ([]int64, error) {
	t, ok := v.(*types.Tuple)
	if !ok {
		return nil, errors.New("not a tuple")
	}
	list := make([]int64, t.Len())
	for i := range list {
		switch n := t.Get(i).(type) {
		case int:
			if n < 0 {
				return nil, fmt.Errorf("%d, want an integer from 0", n)
			}
			list[i] = int64(n)
		case *big.Int:
			return nil, fmt.Errorf("%v is too large", n)
		default:
			return nil, errors.New("not integers")
		}
	}
	return list, nil
}

// maxRank is PyTorch's bound on the axes of a tensor.
const maxRank = 64

// check reports a view that reaches beyond its storage. One that has more
// elements than its storage, which strides of 0 make, is refused: a few bytes
// of file would claim any amount of memory.
func (t *tensorRef) check() error {
	if len(t.shape) > maxRank {
		return fmt.Errorf("a tensor of %d axes, want at most %d", len(t.shape), maxRank)
	}
	size, err := byteLen(t.storage.dtype, t.shape)
	if err != nil {
		return err
	}
	if size == 0 {
		return nil
	}
	if size > t.storage.bytes() {
		return fmt.Errorf("a tensor %v of %d bytes in a storage of %d: save it with .contiguous()", t.shape, size, t.storage.bytes())
	}
	last := t.offset
	for i, d := range t.shape {
		if d > 1 {
			if t.strides[i] > (math.MaxInt64-last)/int64(d-1) {
				return fmt.Errorf("a tensor of strides %v is too large", t.strides)
			}
			last += t.strides[i] * int64(d-1)
		}
	}
	if last >= t.storage.numel {
		return fmt.Errorf("a tensor %v at offset %d with strides %v reaches element %d of a storage of %d", t.shape, t.offset, t.strides, last, t.storage.numel)
	}
	return nil
}

// bytes returns the bytes of the tensor once its elements are in a row.
func (t *tensorRef) bytes() int64 {
	n, _ := byteLen(t.storage.dtype, t.shape) // checked
	return n
}

// contiguous reports whether the elements stand in the storage as they would
// in a file of ours: row-major without gaps.
func (t *tensorRef) contiguous() bool {
	step := int64(1)
	for i := len(t.shape) - 1; i >= 0; i-- {
		if t.shape[i] != 1 && t.strides[i] != step {
			return false
		}
		step *= int64(t.shape[i])
	}
	return true
}

// gather returns the elements of the tensor in row-major order. They share
// memory with data, that of its storage, if they stand there so.
func (t *tensorRef) gather(data []byte) []byte {
	size := int64(elementSize(t.storage.dtype))
	n := t.bytes()
	if n == 0 {
		return []byte{}
	}
	if t.contiguous() {
		return data[t.offset*size : t.offset*size+n : t.offset*size+n]
	}
	out := make([]byte, 0, n)
	last := len(t.shape) - 1 // of one axis or more, for a scalar is contiguous
	index := make([]int, last)
	at := t.offset
	for {
		for i := range int64(t.shape[last]) {
			from := (at + i*t.strides[last]) * size
			out = append(out, data[from:from+size]...)
		}
		d := last - 1
		for ; d >= 0; d-- {
			at += t.strides[d]
			if index[d]++; index[d] < t.shape[d] {
				break
			}
			at -= t.strides[d] * int64(t.shape[d])
			index[d] = 0
		}
		if d < 0 {
			return out
		}
	}
}

// readTensors reads the elements of list, each storage once. What stands
// contiguous is not copied, so that a file takes about its own size in memory;
// what must be copied may take twice the storages at most.
func readTensors(list []namedRef, read func(*storageRef) ([]byte, error)) ([]Tensor, error) {
	var order []*storageRef
	users := make(map[*storageRef][]int)
	var stored, copied int64
	for i, t := range list {
		if users[t.storage] == nil {
			order = append(order, t.storage)
			stored += t.storage.bytes()
		}
		users[t.storage] = append(users[t.storage], i)
		if !t.contiguous() {
			copied += t.bytes()
		}
	}
	if copied > 2*stored {
		return nil, fmt.Errorf("tensors that are not contiguous take %d bytes of storages of %d: save them with .contiguous()", copied, stored)
	}
	out := make([]Tensor, len(list))
	for _, s := range order {
		data, err := read(s)
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", list[users[s][0]].name, err)
		}
		for _, i := range users[s] {
			t := list[i]
			out[i] = Tensor{Name: t.name, DType: s.dtype, Shape: t.shape, Data: t.gather(data)}
		}
	}
	return out, nil
}
