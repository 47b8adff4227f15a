package trainer

import (
	"fmt"
	"math"
	"slices"

	"gputrain/lut"
	"gputrain/model"
	"gputrain/model/backend"
)

// A recorder counts the operands of the layers of a network as batches pass,
// and measures what their multipliers do to the sums: it computes them once
// more, with the layer's own table and with the exact one.
type recorder struct {
	b      backend.Backend
	layers []*recording
	exact  map[[2]lut.Operand]backend.Tables
	images int
}

// A recording is that of one layer.
type recording struct {
	model.Operands
	out      backend.Shape // [N, Cout, OH, OW], or [B, M, N]
	each     int           // sums of an image
	K        int           // products in a sum
	rows     []int64       // of each row of an image, how many taps read it
	columns  []int64       // and of each column
	outside  int64         // taps of an image that read none, for each channel
	x        []int64       // taps by code
	w        []int64       // W by code, where it moves with the images
	sum, sq  float64       // of the errors of sums
	sums     int64         // their number
	code     []uint8       // W or X, as read back
	ours     []int32       // sums under the layer's table
	theirs   []int32       // and under the exact one
	products int64
}

// newRecorder returns a recorder of n, which the caller closes before n.
func newRecorder(b backend.Backend, n *model.Network) *recorder {
	r := &recorder{b: b, exact: map[[2]lut.Operand]backend.Tables{}}
	for _, o := range n.Operands() {
		w, x, t := o.W.Shape(), o.X.Shape(), o.Multiplier.Table
		l := &recording{Operands: o, code: make([]uint8, max(w.Len(), x.Len())), w: make([]int64, t.W().Count()), x: make([]int64, t.X().Count())}
		if o.Batched() {
			l.out, l.K = backend.Shape{w[0], w[1], x[2]}, w[2]
		} else {
			out, err := o.Geometry.Output(w, x)
			if err != nil {
				panic(err) // the network is built
			}
			l.out, l.K = out, w.Len()/w[0]
			l.rows = reads(x[2], w[2], out[2], o.Geometry, 0)
			l.columns = reads(x[3], w[3], out[3], o.Geometry, 1)
			l.outside = int64(out[2]*w[2]*out[3]*w[3]) - total(l.rows)*total(l.columns)
		}
		l.each = l.out.Len() / n.Input().Shape()[0]
		l.ours, l.theirs = make([]int32, l.out.Len()), make([]int32, l.out.Len())
		if key := [2]lut.Operand{t.W(), t.X()}; r.exact[key] == nil {
			exact := lut.New("exact", t.W(), t.X(), func(W, X int) int { return W * X })
			r.exact[key] = b.NewTables(exact, lut.Gradients{})
		}
		r.layers = append(r.layers, l)
	}
	return r
}

func (r *recorder) close() {
	for _, t := range r.exact {
		r.b.FreeTables(t)
	}
}

// reads counts, for each position along one axis of an image, the taps of all
// outputs along it that read that position. Zero values of g stand for 1.
func reads(size, taps, outputs int, g backend.Conv2D, axis int) []int64 {
	n := make([]int64, size)
	for i := range outputs {
		for p := range taps {
			if at := i*max(1, g.Stride[axis]) - g.Pad[axis] + p*max(1, g.Dilation[axis]); at >= 0 && at < size {
				n[at]++
			}
		}
	}
	return n
}

func total(counts []int64) (sum int64) {
	for _, n := range counts {
		sum += n
	}
	return sum
}

// batch counts the first images of the batch that the network has just passed
// forward.
func (r *recorder) batch(images int) error {
	for _, l := range r.layers {
		count := l.count
		if l.Batched() {
			count = l.countBatched
		}
		if err := count(r.b, images); err != nil {
			return fmt.Errorf("trainer: histograms: layer %s: %w", l.Layer, err)
		}
		l.products += int64(images) * int64(l.each) * int64(l.K)
		t := l.Multiplier.Table
		if err := l.measure(r.b, r.exact[[2]lut.Operand{t.W(), t.X()}], images); err != nil {
			return fmt.Errorf("trainer: histograms: layer %s: %w", l.Layer, err)
		}
	}
	r.images += images
	return nil
}

// countBatched adds both operands of a batch of products, each once: all rows
// meet all columns.
func (l *recording) countBatched(b backend.Backend, images int) error {
	all := l.out.Len() / l.each
	for _, o := range []struct {
		counts []int64
		code   backend.Tensor
	}{{l.w, l.W}, {l.x, l.X}} {
		n := o.code.Shape().Len()
		if err := b.Read(l.code[:n], o.code); err != nil {
			return err
		}
		for _, c := range l.code[:n/all*images] {
			o.counts[c]++
		}
	}
	return nil
}

// count adds the taps of the activations.
func (l *recording) count(b backend.Backend, images int) error {
	x := l.X.Shape()
	code := l.code[:x.Len()]
	if err := b.Read(code, l.X); err != nil {
		return err
	}
	i := 0
	for range images * x[1] {
		for _, rows := range l.rows {
			for _, columns := range l.columns {
				l.x[code[i]] += rows * columns
				i++
			}
		}
	}
	// Outside the image a tap reads the value 0, or Z_x as the padding says.
	var q [3]float32
	if err := b.Read(q[:], l.QX); err != nil {
		return err
	}
	value, operand := 0, l.Multiplier.Table.X()
	if l.Geometry.Padding == backend.PadZeroPoint {
		if z := float64(q[2]); !(z >= float64(operand.Min()) && z <= float64(operand.Max())) {
			return fmt.Errorf("the zero point of its input is %v, want %d to %d", z, operand.Min(), operand.Max())
		}
		value = int(q[2])
	}
	l.x[operand.Code(value)] += int64(images*x[1]) * l.outside
	return nil
}

// measure adds the differences of the sums under both tables.
func (l *recording) measure(b backend.Backend, exact backend.Tables, images int) error {
	acc := b.NewTensor(backend.I32, l.out)
	defer b.Free(acc)
	w, x := backend.Quantized{Code: l.W, Q: l.QW}, backend.Quantized{Code: l.X, Q: l.QX}
	for _, c := range []struct {
		tables backend.Tables
		sums   []int32
	}{{l.Tables, l.ours}, {exact, l.theirs}} {
		if l.Batched() {
			b.LUTMatMul(acc, w, x, c.tables)
		} else {
			b.LUTConv2D(acc, w, x, l.Geometry, c.tables)
		}
		if err := b.Read(c.sums, acc); err != nil {
			return err
		}
	}
	n := images * l.each
	for i, v := range l.ours[:n] {
		e := float64(int64(v) - int64(l.theirs[i]))
		l.sum += e
		l.sq += e * e
	}
	l.sums += int64(n)
	return nil
}

// histograms returns what was counted.
func (r *recorder) histograms() (*lut.Histograms, error) {
	h := &lut.Histograms{Images: r.images}
	for _, l := range r.layers {
		t := l.Multiplier.Table
		w := slices.Clone(l.w)
		code := l.code[:l.W.Shape().Len()]
		qw, qx := make([]float32, l.QW.Shape().Len()), make([]float32, 3)
		for _, c := range []struct {
			to   any
			from backend.Tensor
		}{{code, l.W}, {qw, l.QW}, {qx, l.QX}} {
			if err := r.b.Read(c.to, c.from); err != nil {
				return nil, fmt.Errorf("trainer: histograms: layer %s: %w", l.Layer, err)
			}
		}
		if !l.Batched() {
			for _, c := range code {
				w[c]++
			}
		}
		var scale float64 // s_w·s_x; the scales stand first in a quantizer
		channels := len(qw) / 3
		for _, s := range qw[:channels] {
			scale += float64(s) * float64(qx[0]) / float64(channels)
		}
		h.Layers = append(h.Layers, lut.LayerHistogram{
			Name: l.Layer, Multiplier: l.Multiplier.Name, SHA256: t.SHA256(), WOperand: t.W(), XOperand: t.X(),
			W: w, X: l.x, K: l.K, Products: l.products, Scale: scale,
			Measured: lut.SumError{Mean: l.sum / float64(l.sums), RMS: math.Sqrt(l.sq / float64(l.sums))},
		})
	}
	return h, nil
}
