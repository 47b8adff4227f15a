package model

import (
	"math"
)

// The float64 implementation below is what training is compared with. It is
// written from the definitions in plain loops, shares no code with the package
// and differentiates by its own means: each operation leaves a function on a
// tape that moves its gradient on to its operands.

// An array is [n, c, h, w] with its gradient.
type array struct {
	n, c, h, w int
	v, g       []float64
}

func newArray(n, c, h, w int) *array {
	return &array{n, c, h, w, make([]float64, n*c*h*w), make([]float64, n*c*h*w)}
}

func (a *array) at(n, c, h, w int) int { return ((n*a.c+c)*a.h+h)*a.w + w }

// A reference is a network of parameters and running statistics by name.
type reference struct {
	p     map[string]*array
	train bool
	tape  []func()
}

func (r *reference) backward() {
	for i := len(r.tape) - 1; i >= 0; i-- {
		r.tape[i]()
	}
	r.tape = nil
}

// conv is y[n,o,i,j] = b[o] + Σ w[o,c,p,q]·x[n,c',i·stride−pad+p,j·stride−pad+q].
// If w has fewer channels than x they are in groups: c' counts from that of o.
func (r *reference) conv(name string, x *array, stride, pad int) *array {
	w, b := r.p[name+".weight"], r.p[name+".bias"]
	y := newArray(x.n, w.n, (x.h+2*pad-w.h)/stride+1, (x.w+2*pad-w.w)/stride+1)
	groups := x.c / w.c
	taps := func(f func(y, w, x int)) {
		for n := range y.n {
			for o := range y.c {
				for i := range y.h {
					for j := range y.w {
						for c := range w.c {
							for p := range w.h {
								for q := range w.w {
									h, v := i*stride-pad+p, j*stride-pad+q
									if h >= 0 && h < x.h && v >= 0 && v < x.w {
										f(y.at(n, o, i, j), w.at(o, c, p, q), x.at(n, o/(w.n/groups)*w.c+c, h, v))
									}
								}
							}
						}
					}
				}
			}
		}
	}
	taps(func(iy, iw, ix int) { y.v[iy] += w.v[iw] * x.v[ix] })
	if b != nil {
		for i := range y.v {
			y.v[i] += b.v[i/(y.h*y.w)%y.c]
		}
	}
	r.tape = append(r.tape, func() {
		taps(func(iy, iw, ix int) {
			w.g[iw] += y.g[iy] * x.v[ix]
			x.g[ix] += y.g[iy] * w.v[iw]
		})
		if b != nil {
			for i := range y.v {
				b.g[i/(y.h*y.w)%y.c] += y.g[i]
			}
		}
	})
	return y
}

// linear is a convolution of what each image holds.
func (r *reference) linear(name string, x *array) *array {
	flat := &array{x.n, x.c * x.h * x.w, 1, 1, x.v, x.g}
	return r.conv(name, flat, 1, 0)
}

func (r *reference) relu(x *array) *array {
	y := newArray(x.n, x.c, x.h, x.w)
	for i, v := range x.v {
		y.v[i] = max(v, 0)
	}
	r.tape = append(r.tape, func() {
		for i, v := range x.v {
			if v > 0 {
				x.g[i] += y.g[i]
			}
		}
	})
	return y
}

// maxPool takes the maximum of windows of 2×2.
func (r *reference) maxPool(x *array) *array {
	y := newArray(x.n, x.c, x.h/2, x.w/2)
	from := make([]int, len(y.v))
	for n := range y.n {
		for c := range y.c {
			for i := range y.h {
				for j := range y.w {
					best := x.at(n, c, 2*i, 2*j)
					for _, k := range []int{x.at(n, c, 2*i, 2*j+1), x.at(n, c, 2*i+1, 2*j), x.at(n, c, 2*i+1, 2*j+1)} {
						if x.v[k] > x.v[best] {
							best = k
						}
					}
					k := y.at(n, c, i, j)
					y.v[k], from[k] = x.v[best], best
				}
			}
		}
	}
	r.tape = append(r.tape, func() {
		for i, k := range from {
			x.g[k] += y.g[i]
		}
	})
	return y
}

// globalMean averages each channel of each image.
func (r *reference) globalMean(x *array) *array {
	y := newArray(x.n, x.c, 1, 1)
	each := x.h * x.w
	for i, v := range x.v {
		y.v[i/each] += v / float64(each)
	}
	r.tape = append(r.tape, func() {
		for i := range x.v {
			x.g[i] += y.g[i/each] / float64(each)
		}
	})
	return y
}

func (r *reference) add(a, b *array) *array {
	y := newArray(a.n, a.c, a.h, a.w)
	for i := range y.v {
		y.v[i] = a.v[i] + b.v[i]
	}
	r.tape = append(r.tape, func() {
		for i, g := range y.g {
			a.g[i] += g
			b.g[i] += g
		}
	})
	return y
}

// batchNorm is torch.nn.BatchNorm2d: eps 1e-5, momentum 0.1, the biased
// variance to normalise, the unbiased one into the running value.
//
// The gradient is the chain rule through mean and variance, term by term; out of
// training those are constants.
func (r *reference) batchNorm(name string, x *array) *array {
	gamma, beta := r.p[name+".weight"], r.p[name+".bias"]
	mean, variance := r.p[name+".running_mean"], r.p[name+".running_var"]
	y := newArray(x.n, x.c, x.h, x.w)
	each := x.h * x.w
	T := float64(x.n * each)
	channel := func(c int, f func(i int)) {
		for n := range x.n {
			for k := range each {
				f((n*x.c+c)*each + k)
			}
		}
	}
	for c := range x.c {
		mu, va := mean.v[c], variance.v[c]
		if r.train {
			mu, va = 0, 0
			channel(c, func(i int) { mu += x.v[i] / T })
			channel(c, func(i int) { va += (x.v[i] - mu) * (x.v[i] - mu) / T })
			mean.v[c] = 0.9*mean.v[c] + 0.1*mu
			variance.v[c] = 0.9*variance.v[c] + 0.1*va*T/(T-1)
		}
		sd := math.Sqrt(va + 1e-5)
		constants := !r.train
		channel(c, func(i int) { y.v[i] = gamma.v[c]*(x.v[i]-mu)/sd + beta.v[c] })
		r.tape = append(r.tape, func() {
			var dva, dmu float64
			channel(c, func(i int) {
				beta.g[c] += y.g[i]
				gamma.g[c] += y.g[i] * (x.v[i] - mu) / sd
				dva += y.g[i] * gamma.v[c] * (x.v[i] - mu) * -0.5 / (sd * sd * sd)
				dmu -= y.g[i] * gamma.v[c] / sd
			})
			if constants {
				dva, dmu = 0, 0
			}
			channel(c, func(i int) {
				x.g[i] += y.g[i]*gamma.v[c]/sd + dva*2*(x.v[i]-mu)/T + dmu/T
			})
		})
	}
	return y
}

// crossEntropy returns the mean loss and starts the backward pass.
func crossEntropy(logits *array, labels []int32) float64 {
	loss := 0.0
	n := float64(logits.n)
	for i, label := range labels {
		row := logits.v[i*logits.c:][:logits.c]
		sum := 0.0
		for _, v := range row {
			sum += math.Exp(v)
		}
		loss -= (row[label] - math.Log(sum)) / n
		for c, v := range row {
			logits.g[i*logits.c+c] = math.Exp(v) / sum / n
		}
		logits.g[i*logits.c+int(label)] -= 1 / n
	}
	return loss
}

// forward builds the network called name on x.
func (r *reference) forward(name string, x *array) *array {
	switch name {
	case "lenet5":
		pad := (32 - x.h) / 2
		x = r.relu(r.maxPool(r.conv("conv1", x, 1, pad)))
		x = r.relu(r.maxPool(r.conv("conv2", x, 1, 0)))
		x = r.relu(r.linear("fc1", x))
		x = r.relu(r.linear("fc2", x))
		return r.linear("fc3", x)
	case "mlp":
		x = r.relu(r.linear("fc1", x))
		x = r.relu(r.linear("fc2", x))
		return r.linear("fc3", x)
	case "resnet8":
		x = r.relu(r.batchNorm("bn1", r.conv("conv1", x, 1, 1)))
		for i, layer := range []string{"layer1.0", "layer2.0", "layer3.0"} {
			stride := min(i+1, 2)
			y := r.relu(r.batchNorm(layer+".bn1", r.conv(layer+".conv1", x, stride, 1)))
			y = r.batchNorm(layer+".bn2", r.conv(layer+".conv2", y, 1, 1))
			if i > 0 {
				x = r.batchNorm(layer+".downsample.1", r.conv(layer+".downsample.0", x, stride, 0))
			}
			x = r.relu(r.add(y, x))
		}
		return r.linear("fc", r.globalMean(x))
	}
	panic(name)
}

// sgd is torch.optim.SGD with Nesterov's momentum, after its documentation.
func sgd(lr, momentum, decay float64) func(step int, w, g, state []float64) {
	return func(step int, w, g, v []float64) {
		for i := range w {
			d := g[i] + decay*w[i]
			if step == 1 {
				v[i] = d
			} else {
				v[i] = momentum*v[i] + d
			}
			w[i] -= lr * (d + momentum*v[i])
		}
	}
}

// adamW is torch.optim.AdamW, after its documentation.
func adamW(lr, beta1, beta2, eps, decay float64) func(step int, w, g, state []float64) {
	return func(step int, w, g, mv []float64) {
		m, v := mv[:len(w)], mv[len(w):]
		for i := range w {
			w[i] -= lr * decay * w[i]
			m[i] = beta1*m[i] + (1-beta1)*g[i]
			v[i] = beta2*v[i] + (1-beta2)*g[i]*g[i]
			mh := m[i] / (1 - math.Pow(beta1, float64(step)))
			vh := v[i] / (1 - math.Pow(beta2, float64(step)))
			w[i] -= lr * mh / (math.Sqrt(vh) + eps)
		}
	}
}
