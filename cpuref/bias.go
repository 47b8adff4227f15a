package cpuref

import "gputrain/model/backend"

// AddBias implements [backend.Layers].
func (p *Plain) AddBias(y, b backend.Tensor) {
	N, C, each := backend.CheckChannels(who, "AddBias", y, backend.Named{Name: "b", T: b})
	Y, B := p.f32(y), p.f32(b)
	for n := range N {
		for c := range C {
			plane := Y[(n*C+c)*each:][:each]
			for i := range plane {
				plane[i] += B[c]
			}
		}
	}
}

// BiasBackward implements [backend.Layers]. It adds in float64.
func (p *Plain) BiasBackward(db, dy backend.Tensor) {
	N, C, each := backend.CheckChannels(who, "BiasBackward", dy, backend.Named{Name: "db", T: db})
	dB, dY := p.f32(db), p.f32(dy)
	for c := range C {
		var sum float64
		for n := range N {
			for _, v := range dY[(n*C+c)*each:][:each] {
				sum += float64(v)
			}
		}
		dB[c] = float32(sum)
	}
}
