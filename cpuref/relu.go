package cpuref

import "gputrain/model/backend"

// ReLU implements [backend.Layers].
func (p *Plain) ReLU(y, x backend.Tensor) {
	backend.CheckSame(who, "ReLU", "y", y, backend.F32, "x", x, backend.F32)
	relu(p.f32(y), p.f32(x))
}

func relu(y, x []float32) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] = max(v, 0) // NaN stays
	}
}

// ReLUBackward implements [backend.Layers].
func (p *Plain) ReLUBackward(dx, dy, y backend.Tensor) {
	backend.CheckSame(who, "ReLUBackward", "dx", dx, backend.F32, "y", y, backend.F32)
	backend.CheckSame(who, "ReLUBackward", "dy", dy, backend.F32, "y", y, backend.F32)
	reluBackward(p.f32(dx), p.f32(dy), p.f32(y))
}

func reluBackward(dx, dy, y []float32) {
	dx, dy = dx[:len(y)], dy[:len(y)]
	for i, v := range y {
		d := dy[i]
		if !(v > 0) {
			d = 0
		}
		dx[i] = d
	}
}
