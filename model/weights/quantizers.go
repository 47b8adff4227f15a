package weights

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
)

// quantizersKey is the metadata in which ForPyTorch keeps tensors.
const quantizersKey = "quantizers"

// IsQuantizer reports whether a tensor of this name is the state of a
// quantizer, which no module of PyTorch has.
func IsQuantizer(name string) bool { return strings.HasSuffix(name, "_quantizer.range") }

// A savedTensor is a tensor of float32 in metadata. JSON keeps the shortest
// text that reads back to the same bits.
type savedTensor struct {
	Shape  []int     `json:"shape"`
	Values []float32 `json:"values"`
}

// ForPyTorch returns f with the state of its quantizers in the metadata in
// place of the tensors, so that load_state_dict of a module of PyTorch finds
// the names that it knows, and no others. [ReadFile] brings them back.
func ForPyTorch(f *File) (*File, error) {
	out := &File{Metadata: maps.Clone(f.Metadata), Format: f.Format, Notes: f.Notes}
	saved := make(map[string]savedTensor)
	for _, t := range f.Tensors {
		if !IsQuantizer(t.Name) {
			out.Tensors = append(out.Tensors, t)
			continue
		}
		v, err := t.Float32()
		if err != nil {
			return nil, err
		}
		saved[t.Name] = savedTensor{append([]int{}, t.Shape...), v}
	}
	if len(saved) == 0 {
		return out, nil
	}
	text, err := json.Marshal(saved)
	if err != nil { // NaN and infinity
		return nil, fmt.Errorf("state of quantizers: %w", err)
	}
	if out.Metadata == nil {
		out.Metadata = make(map[string]string)
	}
	out.Metadata[quantizersKey] = string(text)
	return out, nil
}

// restoreQuantizers takes back what ForPyTorch has put into the metadata.
func (f *File) restoreQuantizers() error {
	text, ok := f.Metadata[quantizersKey]
	if !ok {
		return nil
	}
	var saved map[string]savedTensor
	if err := json.Unmarshal([]byte(text), &saved); err != nil {
		return fmt.Errorf("metadata %q: %w", quantizersKey, err)
	}
	taken := make(map[string]bool)
	for _, t := range f.Tensors {
		taken[t.Name] = true
	}
	for _, name := range sortedKeys(saved) {
		s := saved[name]
		n, err := byteLen("F32", s.Shape)
		if err == nil && n != 4*int64(len(s.Values)) {
			err = fmt.Errorf("%d values for the shape %v", len(s.Values), s.Shape)
		}
		if err == nil && !IsQuantizer(name) {
			err = fmt.Errorf("not the name of a quantizer's state")
		}
		if err == nil && taken[name] {
			err = fmt.Errorf("there is a tensor of this name too")
		}
		if err != nil {
			return fmt.Errorf("metadata %q: %.80q: %w", quantizersKey, name, err)
		}
		f.Tensors = append(f.Tensors, FromFloat32(name, s.Shape, s.Values))
	}
	delete(f.Metadata, quantizersKey)
	return nil
}
