package trainer

import (
	"errors"
	"fmt"

	"gputrain/lut"
	"gputrain/model"
)

// The two names of multipliers that are not tables of their own.
const (
	floatName = "float" // not quantized at all
	exactName = "exact" // the exact product at the layer's widths
)

// A TableUse is a table that a run computes with, under its name in the recipe.
type TableUse struct {
	SHA256   string `json:"sha256"`
	W        string `json:"w"` // as in 8u
	X        string `json:"x"`
	Gradient string `json:"gradient,omitempty"`
	HWS      int    `json:"hws,omitempty"` // of its gradient, where it has one

	// Histograms is the SHA-256 of the file that weighted the gradient.
	Histograms string `json:"histograms,omitempty"`
}

// histograms are those of a file, and its digest.
type histograms struct {
	*lut.Histograms
	sha256 string
}

// multipliers resolves every name in r.Multiplier. r must be resolved. With
// gradients it also makes those.
func (p *Plan) multipliers(r *Recipe, gradients bool) (faults Faults) {
	bad := func(path string, err error) {
		e := r.fault(path, "", "")
		e.Got, e.Err = "", err
		var fe *lut.FormatError
		if errors.As(err, &fe) && fe.Path != "" { // the file's line says more than the recipe's
			e.File, e.Line, e.Column, e.Field, e.Err = fe.Path, fe.Line, 0, "", fe.Err
		}
		faults = append(faults, e)
	}

	var weighting histograms
	if path := r.Gradient.Histograms; path != "" && gradients {
		var err error
		if weighting.Histograms, weighting.sha256, err = lut.LoadHistograms(path); err != nil {
			bad("gradient.histograms", err)
			return faults
		}
	}
	known := map[string]model.Multiplier{floatName: model.Float()}
	var exactW, exactX lut.Operand
	resolve := func(path, name string) (m model.Multiplier, ok bool) {
		if m, ok := known[name]; ok {
			return m, true
		}
		if name == "" {
			return m, false // Resolve has said so
		}
		m.Name = name
		estimator := r.Gradient
		var loaded *lut.Loaded
		if name == exactName {
			m.Table = lut.New(exactName, exactW, exactX, func(W, X int) int { return W * X })
			estimator = Gradient{Method: "ste"}
		} else {
			var o lut.LoadOptions
			if !lut.IsSpec(name) {
				o = lut.LoadOptions{From: r.Multiplier.From, Order: r.Multiplier.Order,
					Signed: r.Multiplier.Signed, Codes: r.Multiplier.Codes, Top: r.Multiplier.Top}
			}
			var err error
			if loaded, err = lut.Resolve(name, o); err != nil {
				bad(path, err)
				return m, false
			}
			m.Table = loaded.Table
			for _, a := range loaded.Assumed {
				p.Assumed = append(p.Assumed, fmt.Sprintf("multiplier %s: %s", name, a))
			}
		}
		use := TableUse{SHA256: m.Table.SHA256(), W: m.Table.W().String(), X: m.Table.X().String()}
		if gradients {
			var err error
			if m.Gradients, use.HWS, err = gradientsOf(estimator, m.Table, loaded, weighting.Histograms); err != nil {
				bad("gradient", fmt.Errorf("of %s: %w", name, err))
				return m, false
			}
			use.Gradient = estimator.Method
			if estimator.Histograms != "" {
				use.Histograms = weighting.sha256
			}
			if r.Gradient.HWS == HWSAuto && use.HWS > 0 {
				p.Assumed = append(p.Assumed, fmt.Sprintf("multiplier %s: gradient.hws auto is %d", name, use.HWS))
			}
		}
		faults = append(faults, widths(r, name, m.Table)...)
		p.Tables[name] = use
		known[name] = m
		return m, true
	}

	// exact has the widths of the default multiplier, where that is a table.
	w, x := r.Quantization.Weight, r.Quantization.Activation
	exactW, exactX = operand(w.Bits, w.Signed), operand(x.Bits, x.Signed)
	d, ok := resolve("multiplier.default", r.Multiplier.Default)
	if ok && d.Table != nil {
		exactW, exactX = d.Table.W(), d.Table.X()
	}
	p.Config.Default = d
	if !ok {
		return faults // the widths of the rest depend on it
	}
	for _, rule := range r.Multiplier.Layers {
		if m, ok := resolve("multiplier.layers."+rule.Pattern, rule.Multiplier); ok {
			p.Config.Rules = append(p.Config.Rules, model.Rule{Pattern: rule.Pattern, Multiplier: m})
		}
	}
	if _, used := known[exactName]; used && w.Bits == 0 && d.Table == nil || r.Multiplier.Default == exactName && w.Bits == 0 {
		p.Assumed = append(p.Assumed, fmt.Sprintf("exact is %v×%v: no table and no quantization.weight.bits says otherwise", exactW, exactX))
	}
	p.Config.Quantization.Pool = exactX
	return faults
}

// operand is the one of a quantizer's settings; by default 8 bits, unsigned.
func operand(bits int, signed *bool) lut.Operand {
	o := lut.Unsigned(8)
	if bits != 0 {
		o.Bits = bits
	}
	o.Signed = signed != nil && *signed
	return o
}

// widths reports settings of the quantization that contradict table t.
func widths(r *Recipe, name string, t *lut.Table) (faults Faults) {
	check := func(path string, bits int, signed *bool, o lut.Operand) {
		if bits != 0 && bits != o.Bits {
			faults = append(faults, r.fault(path+".bits", bits, fmt.Sprintf("%d, the width of multiplier %s, or nothing", o.Bits, name)))
		}
		if signed != nil && *signed != o.Signed {
			faults = append(faults, r.fault(path+".signed", *signed, fmt.Sprintf("%v, the sign of multiplier %s, or nothing", o.Signed, name)))
		}
	}
	q := r.Quantization
	check("quantization.weight", q.Weight.Bits, q.Weight.Signed, t.W())
	check("quantization.activation", q.Activation.Bits, q.Activation.Signed, t.X())
	symmetric := func(path string, want *bool, o lut.Operand) {
		if want != nil && *want && !o.Signed {
			faults = append(faults, r.fault(path+".symmetric", true, fmt.Sprintf("false: multiplier %s is unsigned there", name)))
		}
	}
	symmetric("quantization.weight", q.Weight.Symmetric, t.W())
	symmetric("quantization.activation", q.Activation.Symmetric, t.X())
	return faults
}

// gradientsOf makes the gradients of table t as g says, and returns the half
// window that it used, 0 for none. loaded is the file that t came from, nil
// for none; weighting are the histograms that g names, nil for none.
func gradientsOf(g Gradient, t *lut.Table, loaded *lut.Loaded, weighting *lut.Histograms) (lut.Gradients, int, error) {
	if g.Method == "table" {
		if g.File != "" {
			var err error
			if loaded, err = lut.Load(g.File, lut.LoadOptions{}); err != nil {
				return lut.Gradients{}, 0, err
			}
		}
		if loaded == nil || loaded.Gradients.DW == nil || loaded.Gradients.DX == nil {
			return lut.Gradients{}, 0, errors.New("no file with both gradients; name one by gradient.file")
		}
		for _, d := range []*lut.Gradient{loaded.Gradients.DW, loaded.Gradients.DX} {
			if d.W() != t.W() || d.X() != t.X() {
				return lut.Gradients{}, 0, fmt.Errorf("gradients for %v×%v operands, the multiplier is %v×%v", d.W(), d.X(), t.W(), t.X())
			}
		}
		return loaded.Gradients, 0, nil
	}
	e := lut.Estimator{Method: g.Method, HWS: int(g.HWS), Boundary: g.Boundary, Reading: g.Reading, Rank: g.Rank}
	if g.Storage == "float32" {
		e.Storage = lut.Float32
	}
	if g.HWS == HWSAuto {
		e.HWS = lut.AutoHWS(t)
	}
	if weighting != nil && g.Histograms != "" {
		var err error
		if e.HistW, e.HistX, err = weighting.For(t, ""); err != nil {
			return lut.Gradients{}, 0, err
		}
	}
	made, err := e.Gradients(t)
	return made, e.HWS, err
}
