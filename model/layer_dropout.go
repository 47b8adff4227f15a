package model

import (
	"hash/fnv"

	"gputrain/model/backend"
)

// A dropout sets a share of x to 0 in training and divides the rest by what
// is left (Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, JMLR
// 2014); in evaluation y = x. Of which elements follows from the network's
// seed, the layer's name and the step, so that a step can be repeated. It
// works in place where nothing else reads x.
type dropout struct {
	common
	share float64
	store *store
	drawn uint64 // seed of the last forward pass
}

func (p *planner) dropout(name string, x *value, share float64) *value {
	if p.err != nil {
		return x
	}
	y := p.value(name, backend.F32, x.shape)
	y.inPlace = []*value{x}
	return p.add(&dropout{common: common{b: p.b, name: name, kind: "dropout", x: x, y: y}, share: share})
}

func (l *dropout) allocate(s *store) { l.store = s }

func (l *dropout) forward(train bool) {
	if !train {
		l.b.Dropout(l.y.t, l.x.t, 0, 0) // y = x
		return
	}
	l.drawn = dropoutSeed(l.store.seed, l.name, l.store.step)
	l.b.Dropout(l.y.t, l.x.t, l.share, l.drawn)
}

func (l *dropout) differentiate(p *planner) {
	l.dy, l.dx = p.gradient(l.y), p.gradientFor(l.name, l.x)
	if l.dx == nil {
		return
	}
	l.dx.inPlace = []*value{l.dy}
	p.backward(l, l.dx, l.dy)
	p.contribute(l.name, l.x, l.dx)
}

func (l *dropout) backward() { l.b.Dropout(l.dx.t, l.dy.t, l.share, l.drawn) }

// dropoutSeed mixes FNV-1a of the layer's name, the network's seed and the step
// by rounds of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014):
//
//	mix(mix(fnv(name) + seed) + step)
func dropoutSeed(seed uint64, name string, step uint64) uint64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	mix := func(z uint64) uint64 {
		z += 0x9e3779b97f4a7c15
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		return z ^ z>>31
	}
	return mix(mix(h.Sum64()+seed) + step)
}
