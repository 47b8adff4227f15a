package netlist

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"gputrain/lut"
)

// A Circuit is a multiplier of gates, ready to be simulated. It is immutable.
type Circuit struct {
	name    string
	path    string
	line    int
	prog    *program
	ports   [2]lut.Operand // in the order of the file
	xw      bool           // the first port is the activation
	product int            // bits
	signed  bool           // the product is in two's complement

	assumed   []string
	published []lut.Published
}

// Name returns the name of the top.
func (c *Circuit) Name() string { return c.name }

// W returns the weight operand. It may be wider than a table's.
func (c *Circuit) W() lut.Operand {
	if c.xw {
		return c.ports[1]
	}
	return c.ports[0]
}

// X returns the activation operand. It may be wider than a table's.
func (c *Circuit) X() lut.Operand {
	if c.xw {
		return c.ports[0]
	}
	return c.ports[1]
}

// Gates returns the number of gates of one or two inputs that the product
// depends on, inverters included, after constants are folded.
func (c *Circuit) Gates() int { return len(c.prog.code) }

// Assumed says what was assumed of the file.
func (c *Circuit) Assumed() []string { return c.assumed }

// Published returns the figures that the file's header states. They are not
// compared with anything: see [Metrics.Compare].
func (c *Circuit) Published() []lut.Published { return c.published }

// A WideError reports a circuit with operands too wide for a table. Its
// metrics can be had: see [Circuit.Metrics].
type WideError struct{ Circuit *Circuit }

func (e *WideError) Error() string {
	return fmt.Sprintf("%s is %v×%v: tables stop at %d bits an operand; lut info gives its error metrics",
		show(e.Circuit.name), e.Circuit.W(), e.Circuit.X(), lut.MaxBits)
}

// Table simulates c. The error is a *lut.FormatError: around a *WideError if c
// is too wide for a table, or because a product does not fit an int32.
func (c *Circuit) Table() (*lut.Table, error) {
	w, x := c.W(), c.X()
	if w.Bits > lut.MaxBits || x.Bits > lut.MaxBits {
		return nil, &lut.FormatError{Path: c.path, Line: c.line, Err: &WideError{c}}
	}
	p := make([]int32, w.Count()*x.Count())
	overflow := int64(0)
	c.products(func(W, X int, product int64) {
		if product != int64(int32(product)) {
			overflow = product
		}
		p[w.Code(W)<<x.Bits|x.Code(X)] = int32(product)
	})
	if overflow != 0 {
		return nil, &lut.FormatError{Path: c.path, Line: c.line, Err: fmt.Errorf("product %d does not fit an int32", overflow)}
	}
	t, err := lut.NewFromProducts(c.name, w, x, p)
	if err != nil {
		return nil, &lut.FormatError{Path: c.path, Line: c.line, Err: err}
	}
	return t, nil
}

// products calls visit for every pair of operand values, in the order of the
// ports' bit patterns.
func (c *Circuit) products(visit func(W, X int, product int64)) {
	first, second := c.ports[0], c.ports[1]
	c.prog.run(func(start int, products []uint32) {
		for i, v := range products {
			a := value((start+i)>>second.Bits, first)
			b := value((start+i)&(second.Count()-1), second)
			product := int64(v)
			if c.signed {
				shift := 64 - c.product
				product = product << shift >> shift
			}
			if c.xw {
				a, b = b, a
			}
			visit(a, b, product)
		}
	})
}

// value reads a bit pattern as an operand, in two's complement if it is signed.
func value(pattern int, o lut.Operand) int {
	if pattern > o.Max() {
		return pattern - o.Count()
	}
	return pattern
}

// newCircuit makes a circuit of a top, for which sign and order are settled by
// the options, the declarations and the names as the package comment says.
// Faults bail out.
func newCircuit(top *module, o lut.LoadOptions) *Circuit {
	line := int32(top.line)
	if len(top.inputs) != 2 || len(top.outputs) != 1 {
		top.fail(line, "%s has inputs %s and outputs %s, want two inputs and one output",
			show(top.name), describe(top.inputs), describe(top.outputs))
	}
	a, b, y := top.inputs[0], top.inputs[1], top.outputs[0]
	if n := totalBits(top.inputs); n > maxPairBits {
		top.fail(line, "%s has operands of %d and %d bits, want at most %d together", show(top.name), len(a.nodes), len(b.nodes), maxPairBits)
	}
	if n := len(y.nodes); n > maxProductBits {
		top.fail(line, "%s has a product of %d bits, want at most %d", show(top.name), n, maxProductBits)
	}
	c := &Circuit{name: top.name, path: top.path, line: top.line, xw: o.Order != "wx", product: len(y.nodes)}
	var how string
	signs := [2]bool{}
	file := stem(top.path)
	switch {
	case o.Signed != nil:
		signs, how = [2]bool{*o.Signed, *o.Signed}, "as asked"
	case a.signed || b.signed:
		signs, how = [2]bool{a.signed, b.signed}, "as the ports are declared"
	case nameSign(top.name) != "":
		signs, how = bothSigned(nameSign(top.name)), "by the module's name "+show(top.name)
	case nameSign(file) != "":
		signs, how = bothSigned(nameSign(file)), "by the file's name "+show(file)
	default:
		how = "assumed"
	}
	c.ports = [2]lut.Operand{{Bits: len(a.nodes), Signed: signs[0]}, {Bits: len(b.nodes), Signed: signs[1]}}
	c.signed = signs[0] || signs[1]

	order, asked := "xw", "assumed"
	if o.Order != "" {
		order, asked = o.Order, "as asked"
	}
	roles := map[string][2]string{"xw": {"activation", "weight"}, "wx": {"weight", "activation"}}[order]
	c.assumed = append(c.assumed,
		"top "+show(top.name),
		fmt.Sprintf("operand order %s (%s): port %s is the %s, port %s the %s", order, asked, show(a.name), roles[0], show(b.name), roles[1]),
		fmt.Sprintf("weight %v × activation %v: sign %s", c.W(), c.X(), how))
	product := "unsigned"
	if c.signed {
		product = "two's complement"
	}
	c.assumed = append(c.assumed, fmt.Sprintf("product port %s of %d bits, %s", show(y.name), len(y.nodes), product))
	c.prog = compile(flatten(top))
	return c
}

// signedName are the names of EvoApproxLib: mul8s_1KV8, mul8x4u_2HM.
var signedName = regexp.MustCompile(`^(?i:mult?)[0-9]+(?:x[0-9]+)?([su])(?:_|$)`)

// nameSign returns "s" or "u" if a name tells the sign of the operands.
func nameSign(name string) string {
	if m := signedName.FindStringSubmatch(name); m != nil {
		return m[1]
	}
	return ""
}

func bothSigned(sign string) [2]bool { return [2]bool{sign == "s", sign == "s"} }

// stem returns a file's name without folder and extension.
func stem(path string) string {
	base := filepath.Base(path)
	return strings.TrimSuffix(base, filepath.Ext(base))
}
