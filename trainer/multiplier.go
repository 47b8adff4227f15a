package trainer

import (
	"errors"
	"fmt"
	"path"
	"strings"

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

	// Histograms is the SHA-256 of the file that weighted the gradient, or of each
	// of several, with spaces between.
	Histograms string `json:"histograms,omitempty"`
}

// A tables resolves the names of multipliers and makes their gradients.
type tables struct {
	p         *Plan
	r         *Recipe // resolved
	gradients bool    // also make those

	exactW, exactX lut.Operand // of the multiplier called exact
	known          map[string]model.Multiplier
	loaded         map[string]*lut.Loaded // what the file of a multiplier held
	made           map[madeKey]madeGradients
	weighting      map[string]weighting // by the path of its file

	faults Faults
}

// A weighting is the histograms of a file, and its digest.
type weighting struct {
	*lut.Histograms
	sha256 string
}

// A madeKey identifies the gradients of a multiplier under an estimator.
type madeKey struct {
	multiplier string
	estimator  Estimator
}

type madeGradients struct {
	lut.Gradients
	hws int // the half window that was used, 0 for none
}

func newTables(p *Plan, r *Recipe, gradients bool) *tables {
	return &tables{p: p, r: r, gradients: gradients, known: map[string]model.Multiplier{floatName: model.Float()},
		loaded: map[string]*lut.Loaded{}, made: map[madeKey]madeGradients{}, weighting: map[string]weighting{}}
}

// fault records what is wrong with a field.
func (t *tables) fault(field string, err error) {
	e := t.r.fault(field, "", "")
	e.Got, e.Err = "", err
	var fe *lut.FormatError
	if errors.As(err, &fe) && fe.Path != "" { // the file's line says more than the recipe's
		e.File, e.Line, e.Column, e.Field, e.Err = fe.Path, fe.Line, 0, "", fe.Err
	}
	t.faults = append(t.faults, e)
}

// multipliers resolves every name in r.Multiplier. r must be resolved. With
// gradients it also makes those of r.Gradient; what its layers ask for is
// [tables.layers]'s.
func (p *Plan) multipliers(r *Recipe, gradients bool) *tables {
	t := newTables(p, r, gradients)
	if file := r.Gradient.Histograms; file != "" && gradients {
		if _, err := t.histograms(file); err != nil {
			t.fault("gradient.histograms", err)
			return t
		}
	}
	// exact has the widths of the default multiplier, where that is a table.
	w, x := r.Quantization.Weight, r.Quantization.Activation
	t.exactW, t.exactX = operand(w.Bits, w.Signed), operand(x.Bits, x.Signed)
	d, ok := t.resolve("multiplier.default", r.Multiplier.Default)
	if ok && d.Table != nil {
		t.exactW, t.exactX = d.Table.W(), d.Table.X()
	}
	p.Config.Default = d
	if !ok {
		return t // the widths of the rest depend on it
	}
	if r.Multiplier.Linear != "" {
		if m, ok := t.resolve("multiplier.linear", r.Multiplier.Linear); ok {
			p.Config.Linear = &m
		}
	}
	if r.Multiplier.Ends != "" {
		if m, ok := t.resolve("multiplier.ends", r.Multiplier.Ends); ok {
			p.Config.Ends = &m
		}
	}
	for _, rule := range r.Multiplier.Layers {
		if m, ok := t.resolve("multiplier.layers."+rule.Pattern, rule.Multiplier); ok {
			p.Config.Rules = append(p.Config.Rules, model.Rule{Pattern: rule.Pattern, Multiplier: m})
		}
	}
	if _, used := t.known[exactName]; used && w.Bits == 0 && d.Table == nil || r.Multiplier.Default == exactName && w.Bits == 0 {
		p.Assumed = append(p.Assumed, fmt.Sprintf("exact is %v×%v: no table and no quantization.weight.bits says otherwise", t.exactW, t.exactX))
	}
	p.Config.Quantization.Pool = t.exactX
	return t
}

// resolve returns the multiplier that a field names.
func (t *tables) resolve(field, name string) (m model.Multiplier, ok bool) {
	if m, ok := t.known[name]; ok {
		return m, true
	}
	if name == "" {
		return m, false // Resolve has said so
	}
	m.Name = name
	estimator := t.r.Gradient.Estimator
	if name == exactName {
		m.Table = lut.New(exactName, t.exactW, t.exactX, func(W, X int) int { return W * X })
		estimator = Estimator{Method: "ste"}
	} else {
		var o lut.LoadOptions
		if !lut.IsSpec(name) {
			o = lut.LoadOptions{From: t.r.Multiplier.From, Order: t.r.Multiplier.Order,
				Signed: t.r.Multiplier.Signed, Codes: t.r.Multiplier.Codes, Top: t.r.Multiplier.Top}
		}
		loaded, err := lut.Resolve(name, o)
		if err != nil {
			t.fault(field, err)
			return m, false
		}
		t.loaded[name] = loaded
		m.Table = loaded.Table
		for _, a := range loaded.Assumed {
			t.p.Assumed = append(t.p.Assumed, fmt.Sprintf("multiplier %s: %s", name, a))
		}
	}
	use := TableUse{SHA256: m.Table.SHA256(), W: m.Table.W().String(), X: m.Table.X().String()}
	if t.gradients {
		made, err := t.estimate(m, estimator)
		if err != nil {
			t.fault("gradient", fmt.Errorf("of %s: %w", name, err))
			return m, false
		}
		m.Gradients, use.HWS, use.Gradient = made.Gradients, made.hws, estimator.Method
		use.Histograms = t.weighting[estimator.Histograms].sha256
		if estimator.HWS == HWSAuto && use.HWS > 0 {
			t.p.Assumed = append(t.p.Assumed, fmt.Sprintf("multiplier %s: gradient.hws auto is %d", name, use.HWS))
		}
	}
	t.faults = append(t.faults, widths(t.r, name, m.Table)...)
	t.p.Tables[name] = use
	t.known[name] = m
	return m, true
}

// A LayerUse says what a layer with products computes with.
type LayerUse struct {
	Layer      string `json:"layer"`
	Multiplier string `json:"multiplier"`         // its name in the recipe
	Gradient   string `json:"gradient,omitempty"` // the method of its gradients; none in float32 and where none are made
	HWS        int    `json:"hws,omitempty"`      // of them
}

// layers gives the layers that r.Gradient.Layers names their own gradients, and
// fills in p.Layers. The configuration of the network must be complete: it then
// knows its layers.
func (t *tables) layers() error {
	p, rules := t.p, t.r.Gradient.Layers
	net, err := model.Describe(p.Config)
	if err != nil {
		return &InputError{Field: "model", Err: err}
	}
	if m := &p.Recipe.Model; m.Stem == "" && net.Stem != "" {
		m.Stem, p.Config.Stem = net.Stem, net.Stem
		p.Assumed = append(p.Assumed, fmt.Sprintf("model.stem not given: %s, for images of %d×%d", net.Stem, p.Config.Input[1], p.Config.Input[2]))
	}
	matched := make([]bool, len(rules))
	var own []model.Rule
	var names []string
	for _, l := range net.Layers {
		if l.Multiplier == "" {
			continue
		}
		names = append(names, l.Name)
		m, e := t.known[l.Multiplier], t.r.Gradient.Estimator
		at := "gradient"
		for i, rule := range rules {
			if ok, err := path.Match(rule.Pattern, l.Name); ok && err == nil {
				matched[i] = true
				at, e = "gradient.layers."+rule.Pattern, rule.Estimator
			}
		}
		use := LayerUse{Layer: l.Name, Multiplier: l.Multiplier}
		if m.Name == exactName {
			e = Estimator{Method: "ste"}
		}
		if m.Table != nil && t.gradients {
			made, err := t.estimate(m, e)
			if err != nil {
				t.fault(at, fmt.Errorf("of %s: %w", m.Name, err))
				return t.faults.err()
			}
			t.weighted(m.Name, e)
			use.Gradient, use.HWS = e.Method, made.hws
			m.Gradients = made.Gradients
			own = append(own, model.Rule{Pattern: l.Name, Multiplier: m})
		}
		p.Layers = append(p.Layers, use)
	}
	for i, rule := range rules {
		if !matched[i] {
			t.fault("gradient.layers."+rule.Pattern, fmt.Errorf("matches none of %s", strings.Join(names, ", ")))
		}
	}
	if len(rules) > 0 {
		p.Config.Rules = append(p.Config.Rules, own...)
	}
	return t.faults.err()
}

// weighted notes the histograms that e was made under at the table that it was
// made for, for a run to be resumed under the same.
func (t *tables) weighted(multiplier string, e Estimator) {
	digest := t.weighting[e.Histograms].sha256
	use := t.p.Tables[multiplier]
	if digest == "" || strings.Contains(use.Histograms, digest) {
		return
	}
	use.Histograms = strings.TrimPrefix(use.Histograms+" "+digest, " ")
	t.p.Tables[multiplier] = use
}

// histograms reads those of a file, once.
func (t *tables) histograms(file string) (weighting, error) {
	if w, ok := t.weighting[file]; ok {
		return w, nil
	}
	var w weighting
	var err error
	if w.Histograms, w.sha256, err = lut.LoadHistograms(file); err != nil {
		return w, err
	}
	t.weighting[file] = w
	return w, nil
}

// estimate returns the gradients of a multiplier with a table under e.
func (t *tables) estimate(m model.Multiplier, e Estimator) (madeGradients, error) {
	key := madeKey{m.Name, e}
	if made, ok := t.made[key]; ok {
		return made, nil
	}
	var w *lut.Histograms
	if e.Histograms != "" {
		read, err := t.histograms(e.Histograms)
		if err != nil {
			return madeGradients{}, err
		}
		w = read.Histograms
	}
	g, hws, err := gradientsOf(e, m.Table, t.loaded[m.Name], w)
	if err != nil {
		return madeGradients{}, err
	}
	t.made[key] = madeGradients{g, hws}
	return t.made[key], nil
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

// gradientsOf makes the gradients of table t as e says, and returns the half
// window that it used, 0 for none. loaded is the file that t came from, nil
// for none; weighting are the histograms that e names, nil for none.
func gradientsOf(e Estimator, t *lut.Table, loaded *lut.Loaded, weighting *lut.Histograms) (lut.Gradients, int, error) {
	if e.Method == "table" {
		if e.File != "" {
			var err error
			if loaded, err = lut.Load(e.File, lut.LoadOptions{}); err != nil {
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
	le := lut.Estimator{Method: e.Method, HWS: int(e.HWS), Boundary: e.Boundary, Reading: e.Reading, Rank: e.Rank}
	if e.Storage == "float32" {
		le.Storage = lut.Float32
	}
	if e.HWS == HWSAuto {
		le.HWS = lut.AutoHWS(t)
	}
	if weighting != nil {
		var err error
		if le.HistW, le.HistX, err = weighting.For(t, ""); err != nil {
			return lut.Gradients{}, 0, err
		}
	}
	made, err := le.Gradients(t)
	return made, le.HWS, err
}
