package netlist

import (
	"math/big"
	"slices"
)

// maxConstant bounds the values of constant expressions, so that their products
// fit an int64.
const maxConstant = 1 << 31

// constant evaluates a constant expression: numbers, localparams and
// + - * / % << >> & | ^.
func (b *builder) constant(e *expr) int64 {
	var v int64
	switch e.kind {
	case constant:
		x := e.value
		if e.signed && x.Bit(e.width-1) == 1 && x.Sign() > 0 { // as in 4'sb1111
			x = new(big.Int).Sub(x, new(big.Int).Lsh(big.NewInt(1), uint(e.width)))
		}
		if x.BitLen() > 32 {
			b.fail(e.line, "constant beyond 32 bits")
		}
		v = x.Int64()
	case reference:
		p := b.params[e.name]
		if p == nil {
			b.fail(e.line, "%s is not a constant", show(e.name))
		}
		v = b.constant(p)
	case unary:
		switch v = b.constant(e.args[0]); e.op {
		case "-":
			v = -v
		case "+":
		default:
			b.fail(e.line, "the operator %s in a constant expression is not supported", e.op)
		}
	case chain:
		v = b.constant(e.args[0])
		for _, a := range e.args[1:] {
			v = b.operate(e, v, b.constant(a))
			if max(v, -v) > maxConstant {
				b.fail(e.line, "constant expression beyond 32 bits")
			}
		}
	default:
		b.fail(e.line, "want a constant expression")
	}
	if max(v, -v) > maxConstant {
		b.fail(e.line, "constant expression beyond 32 bits")
	}
	return v
}

// operate applies a binary operator to constants.
func (b *builder) operate(e *expr, x, y int64) int64 {
	switch e.op {
	case "+":
		return x + y
	case "-":
		return x - y
	case "*":
		return x * y
	case "&":
		return x & y
	case "|":
		return x | y
	case "^":
		return x ^ y
	}
	switch {
	case (e.op == "/" || e.op == "%") && y == 0:
		b.fail(e.line, "division by 0")
	case (e.op == "<<" || e.op == ">>") && (y < 0 || y > 31):
		b.fail(e.line, "shift by %d, want 0 to 31", y)
	}
	switch e.op {
	case "/":
		return x / y
	case "%":
		return x % y
	case "<<":
		return x << y
	}
	return x >> y
}

// localparam evaluates the constant of a localparam. A number keeps its width;
// an expression is a plain integer.
func (b *builder) localparam(l *localparam) *expr {
	e := *l.value
	if e.kind == reference && b.params[e.name] != nil {
		e = *b.params[e.name]
	}
	if e.kind != constant {
		e = expr{kind: constant, value: big.NewInt(b.constant(l.value)), width: 32, signed: true}
		if e.value.BitLen() > 31 {
			b.fail(l.name.line, "localparam %s beyond 32 bits", show(l.name.text))
		}
	}
	e.line = l.name.line
	e.signed = e.signed || l.signed
	if msb, lsb, vector := b.bounds(l.msb, l.lsb, l.name.line); vector {
		e.width = int(max(msb-lsb, lsb-msb)) + 1
		e.sized, e.signed = e.width, l.signed
		if e.value.BitLen() > e.width {
			b.fail(l.name.line, "the value of localparam %s does not fit %d bits", show(l.name.text), e.width)
		}
	}
	return &e
}

// spend counts bits of expressions, against texts that compute on wide wires
// without end.
func (b *builder) spend(bits int, line int32) {
	if b.lib.work += bits; b.lib.work > maxExpressionBits {
		b.fail(line, "expressions of more than %d bits", maxExpressionBits)
	}
}

// measure determines width, sign and sized of an expression and of its
// operands (IEEE Std 1364-2005, 5.4 and 5.5).
func (b *builder) measure(e *expr) {
	switch e.kind {
	case constant:
	case reference:
		if p := b.params[e.name]; p != nil {
			e.width, e.signed, e.sized = p.width, p.signed, p.sized
			return
		}
		w := b.wires[e.name]
		if w == nil {
			b.fail(e.line, "%s is not declared", show(e.name))
		}
		e.width, e.signed = int(w.length), w.signed
	case selection:
		if b.wires[e.name] == nil {
			b.fail(e.line, "%s is not declared as a net", show(e.name))
		}
		_, e.width = b.selected(e)
	case concat:
		for _, a := range e.args {
			b.measure(a)
			if a.kind == constant && a.sized == 0 {
				b.fail(a.line, "a number without a width in a concatenation")
			}
			e.width += a.width
			b.narrow(e)
		}
	case repeat:
		n := b.constant(e.args[0])
		if n < 1 || n > maxWidth {
			b.fail(e.line, "replication %d times, want 1 to %d", n, maxWidth)
		}
		b.measure(e.args[1])
		e.width = int(n) * e.args[1].width
		b.narrow(e)
	case asSigned:
		b.measure(e.args[0])
		e.width, e.sized, e.signed = e.args[0].width, e.args[0].sized, true
		return
	case unary:
		b.measure(e.args[0])
		switch e.op {
		case "!":
			e.width = 1
		case "~":
			e.width, e.sized, e.signed = e.args[0].width, e.args[0].sized, e.args[0].signed
			return
		default:
			b.notConstant(e)
		}
	case chain:
		if e.op == "-" || e.op == "/" || e.op == "%" || e.op == "<<" || e.op == ">>" {
			b.notConstant(e)
		}
		e.signed = true
		for _, a := range e.args {
			b.measure(a)
			e.width = max(e.width, a.width)
			e.sized = max(e.sized, a.sized)
			e.signed = e.signed && a.signed
		}
		return
	}
	if e.kind != constant {
		e.sized = e.width
	}
}

func (b *builder) notConstant(e *expr) {
	b.fail(e.line, "the operator %s is not supported outside constant expressions: want & | ^ ~ ! + *", e.op)
}

// narrow fails if an expression is too wide.
func (b *builder) narrow(e *expr) {
	if e.width > maxWidth {
		b.fail(e.line, "expression of more than %d bits", maxWidth)
	}
}

// selected returns the bits of a wire that a reference or a selection takes.
func (b *builder) selected(e *expr) (offset, width int) {
	w := b.wires[e.name]
	if e.kind == reference {
		return 0, int(w.length)
	}
	if !w.vector {
		b.fail(e.line, "%s is a single bit, declared without a range", show(e.name))
	}
	high := b.constant(e.args[0])
	low := high
	if len(e.args) > 1 {
		low = b.constant(e.args[1])
	}
	top, bottom := high-w.lsb, low-w.lsb
	if w.msb < w.lsb {
		top, bottom = -top, -bottom
	}
	if bottom < 0 || top >= int64(w.length) || top < bottom {
		b.fail(e.line, "[%d:%d] of %s, which is [%d:%d]", high, low, show(e.name), w.msb, w.lsb)
	}
	return int(bottom), int(top-bottom) + 1
}

// value returns the bits of a measured expression, computed at the given width,
// its own at least, and extended by the sign if signed, which says whether all
// operands of the whole are.
func (b *builder) value(e *expr, width int, signed bool) []node {
	b.spend(width, e.line)
	m := b.m
	switch e.kind {
	case constant:
		return extend(constantBits(e), width, signed)
	case reference:
		if p := b.params[e.name]; p != nil {
			return extend(constantBits(p), width, signed)
		}
		w := b.wires[e.name]
		return extend(w.take(0, int(w.length)), width, signed)
	case selection:
		offset, n := b.selected(e)
		return extend(b.wires[e.name].take(offset, n), width, signed)
	case concat:
		var nodes []node
		for _, a := range slices.Backward(e.args) {
			nodes = append(nodes, b.value(a, a.width, a.signed)...)
		}
		return extend(nodes, width, signed)
	case repeat:
		inner := b.value(e.args[1], e.args[1].width, false)
		return extend(slices.Repeat(inner, e.width/len(inner)), width, signed)
	case asSigned:
		x := e.args[0]
		return extend(b.value(x, x.width, x.signed), width, signed)
	case unary:
		x := e.args[0]
		if e.op == "!" {
			nodes := b.value(x, x.width, x.signed)
			any := nodes[0]
			for _, n := range nodes[1:] {
				any = m.gate(opOr, any, n, e.line)
			}
			return extend([]node{m.gate(opNot, any, any, e.line)}, width, signed)
		}
		nodes := slices.Clone(b.value(x, width, signed))
		for i, n := range nodes {
			nodes[i] = m.gate(opNot, n, n, e.line)
		}
		return nodes
	}
	sum := b.value(e.args[0], width, signed)
	for _, a := range e.args[1:] {
		sum = b.combine(e, sum, b.value(a, width, signed))
	}
	return sum
}

// combine applies the operator of a chain to operands of one width.
func (b *builder) combine(e *expr, x, y []node) []node {
	m := b.m
	bitwise := map[string]op{"&": opAnd, "|": opOr, "^": opXor}
	switch e.op {
	case "+":
		return b.add(x, y, e.line)
	case "*":
		// Shift and add, modulo 2^width.
		sum := slices.Repeat([]node{zero}, len(x))
		for i, bit := range y {
			if bit == zero {
				continue
			}
			row := slices.Repeat([]node{zero}, len(x))
			for j := i; j < len(x); j++ {
				row[j] = m.gate(opAnd, x[j-i], bit, e.line)
			}
			sum = b.add(sum, row, e.line)
		}
		return sum
	}
	out := make([]node, len(x))
	for i := range x {
		out[i] = m.gate(bitwise[e.op], x[i], y[i], e.line)
	}
	return out
}

// add is a ripple-carry adder, modulo 2^width. It spends no gates on zeros.
func (b *builder) add(x, y []node, line int32) []node {
	m := b.m
	out := make([]node, len(x))
	carry := zero
	for i := range x {
		p, q, r := x[i], y[i], carry
		if p == zero {
			p, r = r, p
		}
		if q == zero {
			q, r = r, q
		}
		if r == zero { // at most two of the three are not 0
			if p == zero || q == zero {
				out[i], carry = max(p, q), zero
				continue
			}
			out[i] = m.gate(opXor, p, q, line)
			carry = m.gate(opAnd, p, q, line)
			continue
		}
		half := m.gate(opXor, p, q, line)
		out[i] = m.gate(opXor, half, r, line)
		carry = m.gate(opOr, m.gate(opAnd, p, q, line), m.gate(opAnd, half, r, line), line)
	}
	return out
}

// constantBits are the nodes of a constant.
func constantBits(e *expr) []node {
	nodes := make([]node, e.width)
	for i := range nodes {
		nodes[i] = node(e.value.Bit(i)) // zero and one are nodes 0 and 1
	}
	return nodes
}

// extend widens a number to a width, by its sign bit if it is signed.
func extend(nodes []node, width int, signed bool) []node {
	if len(nodes) >= width {
		return nodes
	}
	fill := zero
	if signed {
		fill = nodes[len(nodes)-1]
	}
	return append(slices.Clone(nodes), slices.Repeat([]node{fill}, width-len(nodes))...)
}
