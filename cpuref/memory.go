package cpuref

import "gputrain/model/backend"

// Write implements [backend.Memory].
func (p *Plain) Write(dst backend.Tensor, src any) {
	backend.CheckHost(who, "Write", dst, src)
	m := p.own(dst)
	switch src := src.(type) {
	case []float32:
		copy(m.f32, src)
	case []int32:
		copy(m.i32, src)
	case []uint8:
		copy(m.u8, src)
	}
}

// Read implements [backend.Memory]. The host does not fail: the error is nil.
func (p *Plain) Read(dst any, src backend.Tensor) error {
	backend.CheckHost(who, "Read", src, dst)
	m := p.own(src)
	switch dst := dst.(type) {
	case []float32:
		copy(dst, m.f32)
	case []int32:
		copy(dst, m.i32)
	case []uint8:
		copy(dst, m.u8)
	}
	return nil
}

// Sync implements [backend.Memory]: operations are done when they return.
func (p *Plain) Sync() error { return nil }
