package lut

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path"
)

// Histograms say how often the codes of the operands took part in the products
// of a network: what its layers multiply, for which [Table.MetricsUnder] and
// the weighted [Estimator] lowrank ask.
type Histograms struct {
	Images int // that were recorded
	Layers []LayerHistogram
}

// A LayerHistogram is that of one layer, whose outputs are sums of K products.
type LayerHistogram struct {
	Name       string
	Multiplier string // the name of the table that the layer computed with
	SHA256     string // and its identity
	WOperand   Operand
	XOperand   Operand
	W          []int64 // by code: the weights of that code; of a product of activations, over all images
	X          []int64 // by code: taps of filters that read it, those outside the image included
	K          int     // products in a sum
	Products   int64   // in all sums of all images
	Scale      float64 // of a sum in the output: s_w·s_x, its mean over the channels
	Measured   SumError
}

// A SumError is the difference between the sums Σ AM(W, X) and Σ W·X of a
// layer, over all its outputs, in product units.
type SumError struct {
	Mean float64 `json:"mean"`
	RMS  float64 `json:"rms"`
}

// A LayerPrediction is what a multiplier is expected to do to a layer.
type LayerPrediction struct {
	Metrics          // of one product, under the histograms of the layer
	Sum     SumError // of one output
}

// Predict returns the error of the sums of l under t, as if all operands were
// independent of each other: with b and m the weighted Bias and MSE,
//
//	mean = K·b,  rms = √(K²·b² + K·(m − b²))
//
// Bound together by what a network has learnt and sees, operands are not
// independent. The mean is off only by the dependence of the weight on the
// activation that it meets, the rms also by that between the products of a sum.
// It fails if the operands of t are not those of l.
func (l *LayerHistogram) Predict(t *Table) (LayerPrediction, error) {
	if t.w != l.WOperand || t.x != l.XOperand {
		return LayerPrediction{}, fmt.Errorf("lut: layer %s multiplies %v×%v operands, %s %v×%v", l.Name, l.WOperand, l.XOperand, t.name, t.w, t.x)
	}
	m, err := t.MetricsUnder(floats(l.W), floats(l.X))
	if err != nil {
		return LayerPrediction{}, err
	}
	mean, variance := float64(l.K)*m.Bias, float64(l.K)*max(0, m.MSE-m.Bias*m.Bias)
	return LayerPrediction{m, SumError{mean, math.Sqrt(mean*mean + variance)}}, nil
}

// For returns the histograms of the operands of t, indexed by code: those of the
// layers that computed with t itself, or, if none did, of all that have its
// operands. A layer counts as its products do. pattern selects layers by name, as
// path.Match does; "" all. It fails if no layer is left.
func (h *Histograms) For(t *Table, pattern string) (hw, hx []float64, err error) {
	var own, fit []*LayerHistogram
	for i := range h.Layers {
		l := &h.Layers[i]
		if pattern != "" {
			match, err := path.Match(pattern, l.Name)
			if err != nil {
				return nil, nil, fmt.Errorf("lut: layer %q: %w", pattern, err)
			}
			if !match {
				continue
			}
		}
		if l.WOperand != t.w || l.XOperand != t.x {
			continue
		}
		fit = append(fit, l)
		if l.SHA256 == t.sha {
			own = append(own, l)
		}
	}
	if own != nil {
		fit = own
	}
	if fit == nil {
		layers := "no layer"
		if pattern != "" {
			layers = fmt.Sprintf("no layer %q", pattern)
		}
		return nil, nil, fmt.Errorf("lut: histograms: %s has %v×%v operands, those of %s", layers, t.w, t.x, t.name)
	}
	hw, hx = make([]float64, t.w.Count()), make([]float64, t.x.Count())
	for _, l := range fit {
		add(hw, l.W, float64(l.Products))
		add(hx, l.X, float64(l.Products))
	}
	return hw, hx, nil
}

// add adds counts, scaled to the given sum, to sums.
func add(sums []float64, counts []int64, to float64) {
	var total float64
	for _, n := range counts {
		total += float64(n)
	}
	for i, n := range counts {
		sums[i] += float64(n) / total * to
	}
}

func floats(counts []int64) []float64 {
	f := make([]float64, len(counts))
	for i, n := range counts {
		f[i] = float64(n)
	}
	return f
}

// Bounds of a file of histograms.
const (
	maxHistogramFile   = 64 << 20 // bytes
	maxHistogramLayers = 4096
	maxCount           = 1 << 53 // a float64 holds it
)

// histogramFile is the JSON of a file of histograms; see docs/multipliers.md.
type histogramFile struct {
	Format string           `json:"format"`
	Images int              `json:"images"`
	Layers []histogramLayer `json:"layers"`
}

// histogramFormat is what the file says it is.
const histogramFormat = "gputrain histograms 1"

type histogramLayer struct {
	Name       string   `json:"name"`
	Multiplier string   `json:"multiplier"`
	SHA256     string   `json:"sha256"`
	WOperand   string   `json:"w_operand"`
	XOperand   string   `json:"x_operand"`
	K          int      `json:"k"`
	Products   int64    `json:"products"`
	Scale      float64  `json:"scale"`
	Error      SumError `json:"error"`
	W          []int64  `json:"w"`
	X          []int64  `json:"x"`
}

// Write writes h as JSON, a line a layer. The same histograms give the same
// bytes.
func (h *Histograms) Write(w io.Writer) error {
	if _, err := fmt.Fprintf(w, "{\"format\":%q,\"images\":%d,\"layers\":[", histogramFormat, h.Images); err != nil {
		return err
	}
	for i, l := range h.Layers {
		text, err := json.Marshal(histogramLayer{l.Name, l.Multiplier, l.SHA256, l.WOperand.String(), l.XOperand.String(),
			l.K, l.Products, l.Scale, l.Measured, l.W, l.X})
		if err != nil {
			return fmt.Errorf("lut: layer %s: %w", l.Name, err)
		}
		separator := "\n"
		if i > 0 {
			separator = ",\n"
		}
		if _, err := fmt.Fprintf(w, "%s%s", separator, text); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, "\n]}\n")
	return err
}

// Save writes h to a file, complete or not at all.
func (h *Histograms) Save(path string) error { return WriteFile(path, h.Write) }

// LoadHistograms reads a file that [Histograms.Save] wrote, and returns the
// SHA-256 of its bytes beside. Faults are [FormatError].
func LoadHistograms(path string) (*Histograms, string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, "", fmt.Errorf("lut: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxHistogramFile+1))
	if err != nil {
		return nil, "", fmt.Errorf("lut: %w", err)
	}
	if len(text) > maxHistogramFile {
		return nil, "", &FormatError{Path: path, Err: fmt.Errorf("more than %d MiB", maxHistogramFile>>20)}
	}
	h, line, err := parseHistograms(text)
	if err != nil {
		return nil, "", &FormatError{Path: path, Line: line, Err: err}
	}
	sum := sha256.Sum256(text)
	return h, hex.EncodeToString(sum[:]), nil
}

// parseHistograms returns the line of a fault beside it, 0 if it has none.
func parseHistograms(text []byte) (*Histograms, int, error) {
	var file histogramFile
	if err := json.Unmarshal(text, &file); err != nil {
		var syntax *json.SyntaxError
		var kind *json.UnmarshalTypeError
		switch {
		case errors.As(err, &syntax):
			return nil, lineAt(text, syntax.Offset), fmt.Errorf("not JSON: %w", err)
		case errors.As(err, &kind):
			return nil, lineAt(text, kind.Offset), fmt.Errorf("%s is a %s, want %v", kind.Field, kind.Value, kind.Type)
		}
		return nil, 0, err
	}
	if file.Format != histogramFormat {
		return nil, 0, fmt.Errorf("format %q, want %q: histograms come of eval --histograms", file.Format, histogramFormat)
	}
	if n := len(file.Layers); n == 0 || n > maxHistogramLayers {
		return nil, 0, fmt.Errorf("%d layers, want 1 to %d", n, maxHistogramLayers)
	}
	if file.Images < 1 {
		return nil, 0, fmt.Errorf("images %d, want at least 1", file.Images)
	}
	h := &Histograms{Images: file.Images}
	for i, l := range file.Layers {
		layer, err := l.layer()
		if err != nil {
			return nil, 0, fmt.Errorf("layer %d (%q): %w", i, l.Name, err)
		}
		h.Layers = append(h.Layers, layer)
	}
	return h, 0, nil
}

// layer checks l.
func (l histogramLayer) layer() (LayerHistogram, error) {
	out := LayerHistogram{Name: l.Name, Multiplier: l.Multiplier, SHA256: l.SHA256, W: l.W, X: l.X,
		K: l.K, Products: l.Products, Scale: l.Scale, Measured: l.Error}
	if l.Name == "" {
		return out, errors.New("no name")
	}
	if digest, err := hex.DecodeString(l.SHA256); err != nil || len(digest) != sha256.Size {
		return out, fmt.Errorf("sha256 %q, want %d hexadecimal digits", l.SHA256, 2*sha256.Size)
	}
	if l.K < 1 || l.Products < 1 || l.Products > maxCount {
		return out, fmt.Errorf("k %d, products %d, want at least 1", l.K, l.Products)
	}
	if !(l.Scale > 0) {
		return out, fmt.Errorf("scale %v, want a number above 0", l.Scale)
	}
	for _, o := range []struct {
		name, text string
		operand    *Operand
		counts     []int64
	}{{"w", l.WOperand, &out.WOperand, l.W}, {"x", l.XOperand, &out.XOperand, l.X}} {
		var err error
		if *o.operand, err = parseOperand(o.text); err != nil {
			return out, fmt.Errorf("%s_operand: %w", o.name, err)
		}
		if len(o.counts) != o.operand.Count() {
			return out, fmt.Errorf("%s has %d counts, want %d for an operand of %s", o.name, len(o.counts), o.operand.Count(), o.text)
		}
		var total int64
		for code, n := range o.counts {
			if n < 0 || n > maxCount {
				return out, fmt.Errorf("%s[%d] is %d, want a count from 0 to 2⁵³", o.name, code, n)
			}
			total = max(total, n)
		}
		if total == 0 {
			return out, fmt.Errorf("%s: all counts are 0", o.name)
		}
	}
	return out, nil
}

// lineAt returns the number of the line that a byte of text stands in.
func lineAt(text []byte, offset int64) int {
	line := 1
	for _, c := range text[:min(max(offset, 0), int64(len(text)))] {
		if c == '\n' {
			line++
		}
	}
	return line
}
