package netlist

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"gputrain/lut"
)

// ReadVerilog reads a multiplier in structural Verilog: modules with plain or
// ANSI ports; input, output and wire with ranges of constant expressions;
// localparam; assign with & | ^ ~ ! + *, bit and part selects, concatenation,
// replication and $signed; and instances of modules with named, positional or
// empty ports and expressions inside ports. Widths and signs of expressions
// follow the standard's rules. Beyond that grammar it accepts only what does
// not change it: signed declarations, "wire x = y", attributes (* … *), and
// directives such as `timescale.
//
// Instances are of modules of the file, else of the file o.Cells, else of the
// built-in cells HAX1, FAX1, AND2X1 and BUFX2. The top is o.Top, or else the
// module that is named like the file (less _pdk45), or else the only module
// that none instantiates and that has two inputs and one output.
//
// Nets may be read before they are assigned. A net that is read must be driven
// once, and so must each bit of a port, and the width of what is connected to
// a port must be that of the port.
//
// Source of the grammar: IEEE Std 1364-2005.
func ReadVerilog(r io.Reader, path string, o lut.LoadOptions) (c *Circuit, err error) {
	defer rescue(&err)
	u := parseVerilog(r, path)
	lib := openCells(o.Cells)
	lib.units = append([]*unit{u}, lib.units...)
	c = newCircuit(lib.build(u.top(o.Top), 1), o)
	c.published = u.header.figures
	return c, nil
}

// top chooses the module that is the multiplier.
func (u *unit) top(name string) *verilogModule {
	if name != "" {
		m := u.byName[name]
		if m == nil {
			var names []string
			for _, m := range u.modules {
				names = append(names, m.name)
			}
			fail(u.path, 0, "no module %s, the file has %s", show(name), list(names))
		}
		return m
	}
	file := stem(u.path)
	for _, name := range []string{file, strings.TrimSuffix(file, "_pdk45")} {
		if m := u.byName[name]; m != nil {
			return m
		}
	}
	used := map[string]bool{}
	for _, m := range u.modules {
		for _, it := range m.items {
			if i, ok := it.(*use); ok {
				used[i.module] = true
			}
		}
	}
	var tops []*verilogModule
	var candidates []string
	for _, m := range u.modules {
		if used[m.name] {
			continue
		}
		inputs, outputs := m.shape()
		candidates = append(candidates, fmt.Sprintf("%s (line %d: %d inputs, %d outputs)", show(m.name), m.line, inputs, outputs))
		if inputs == 2 && outputs == 1 {
			tops = append(tops, m)
		}
	}
	if len(tops) == 1 {
		return tops[0]
	}
	const most = 6
	if len(candidates) > most {
		candidates = append(candidates[:most], "…")
	}
	if len(candidates) == 0 {
		candidates = []string{"none, each is instantiated"}
	}
	fail(u.path, u.modules[len(u.modules)-1].line, "which module is the multiplier, of two inputs and one output? Name it with --top: %s", strings.Join(candidates, ", "))
	return nil
}

// shape counts the ports that a module declares as inputs and as outputs.
func (v *verilogModule) shape() (inputs, outputs int) {
	direction := map[string]string{}
	for _, it := range v.items {
		if d, ok := it.(*declaration); ok && d.direction != "" {
			for _, n := range d.names {
				direction[n.text] = d.direction
			}
		}
	}
	for _, p := range v.ports {
		switch direction[p] {
		case "input":
			inputs++
		case "output":
			outputs++
		}
	}
	return inputs, outputs
}

// build reduces a module to nodes, gates and instances, and before it those
// that it instantiates. Faults bail out.
func (l *library) build(v *verilogModule, depth int) *module {
	if v.built != nil {
		return v.built
	}
	if v.building {
		fail(v.path, v.line, "module %s instantiates itself", show(v.name))
	}
	if depth > maxDepth {
		fail(v.path, v.line, "modules nested more than %d deep", maxDepth)
	}
	v.building = true
	defer func() { v.building = false }()
	b := &builder{lib: l, v: v, m: newModule(v.name, v.path, v.line), depth: depth, wires: map[string]*wire{}, params: map[string]*expr{}}
	b.declare()
	for _, it := range v.items {
		switch it := it.(type) {
		case *assignment:
			b.assign(it)
		case *use:
			b.instantiate(it)
		}
	}
	b.m.readOutputs()
	if open := b.m.undriven(); len(open) > 0 {
		n := open[0]
		b.fail(b.m.readAt[n], "net %s of %s is read and nothing drives it", b.m.nodeName(n), show(v.name))
	}
	v.built = b.m
	return b.m
}

// A builder builds one module.
type builder struct {
	lib    *library
	v      *verilogModule
	m      *module
	depth  int
	wires  map[string]*wire
	params map[string]*expr // constants
}

// A wire is a declared net or port.
type wire struct {
	net
	direction string
	ports     int // declarations as a port
	plain     int // declarations as a wire
	signed    bool
	vector    bool
	msb, lsb  int64
}

// take returns width nodes of the wire from an offset on, least significant
// first.
func (w *wire) take(offset, width int) []node {
	nodes := make([]node, width)
	for i := range nodes {
		nodes[i] = w.base + node(offset+i)
	}
	return nodes
}

func (b *builder) fail(line int32, format string, args ...any) { b.m.fail(line, format, args...) }

// declare makes the wires, ports and constants. All come before the statements,
// which may use them earlier in the text.
func (b *builder) declare() {
	listed := map[string]bool{}
	for _, p := range b.v.ports {
		if listed[p] {
			b.fail(int32(b.v.line), "port %s is listed twice", show(p))
		}
		listed[p] = true
	}
	for _, it := range b.v.items {
		switch it := it.(type) {
		case *declaration:
			for _, n := range it.names {
				if it.direction != "" && !listed[n.text] {
					b.fail(n.line, "%s is not among the ports of %s", show(n.text), show(b.v.name))
				}
				b.declareWire(it, n)
			}
		case *localparam:
			b.unused(it.name)
			b.params[it.name.text] = b.localparam(it)
		}
	}
	for _, name := range b.v.ports {
		w := b.wires[name]
		if w == nil || w.direction == "" {
			b.fail(int32(b.v.line), "port %s of %s is neither input nor output", show(name), show(b.v.name))
		}
		p := port{name: name, signed: w.signed, nodes: w.take(0, int(w.length))}
		if w.direction == "output" {
			b.m.outputs = append(b.m.outputs, p)
			continue
		}
		b.m.inputs = append(b.m.inputs, p)
		for _, n := range p.nodes {
			b.m.drive(n, w.line)
		}
	}
}

// unused fails if a name is declared already.
func (b *builder) unused(n name) {
	if w := b.wires[n.text]; w != nil {
		b.fail(n.line, "%s is declared twice, first on line %d", show(n.text), w.line)
	}
	if e := b.params[n.text]; e != nil {
		b.fail(n.line, "%s is declared twice, first on line %d", show(n.text), e.line)
	}
}

// declareWire declares one name. A port may be declared as a wire too, with the
// same range.
func (b *builder) declareWire(d *declaration, n name) {
	msb, lsb, vector := b.bounds(d.msb, d.lsb, n.line)
	w := b.wires[n.text]
	if w == nil {
		b.unused(n)
		length := int(max(msb-lsb, lsb-msb)) + 1
		var bit func(i int) string
		if vector {
			bit = func(i int) string {
				if msb < lsb {
					i = -i
				}
				return fmt.Sprintf("[%d]", lsb+int64(i))
			}
		}
		w = &wire{net: b.m.addNet(n.text, length, bit, n.line), vector: vector, msb: msb, lsb: lsb}
		b.wires[n.text] = w
	} else if w.msb != msb || w.lsb != lsb || w.vector != vector {
		b.fail(n.line, "%s is declared with another range on line %d", show(n.text), w.line)
	}
	w.signed = w.signed || d.signed
	if d.direction != "" {
		w.ports++
		w.direction = d.direction
	} else {
		w.plain++
	}
	if w.ports > 1 || w.plain > 1 {
		b.fail(n.line, "%s is declared twice, first on line %d", show(n.text), w.line)
	}
}

// bounds evaluates a range.
func (b *builder) bounds(high, low *expr, line int32) (msb, lsb int64, vector bool) {
	if high == nil {
		return 0, 0, false
	}
	msb, lsb = b.constant(high), b.constant(low)
	if max(msb-lsb, lsb-msb) >= maxWidth {
		b.fail(line, "range [%d:%d] of more than %d bits", msb, lsb, maxWidth)
	}
	return msb, lsb, true
}

// assign drives the target of a continuous assignment. As the standard says,
// the value is computed at the greater of both widths, then cut or extended.
func (b *builder) assign(a *assignment) {
	target := b.target(a.target)
	b.measure(a.value)
	width := max(len(target), a.value.width)
	for i, n := range b.value(a.value, width, a.value.signed)[:len(target)] {
		b.m.assign(target[i], n, a.line)
	}
}

// target returns the nodes of an expression that is driven.
func (b *builder) target(e *expr) []node {
	switch e.kind {
	case reference, selection:
		w := b.wires[e.name]
		if w == nil {
			b.fail(e.line, "%s is driven and not declared as a net", show(e.name))
		}
		if w.direction == "input" {
			b.fail(e.line, "input %s is driven inside %s", show(e.name), show(b.v.name))
		}
		offset, width := b.selected(e)
		b.spend(width, e.line)
		return w.take(offset, width)
	case concat:
		var nodes []node
		for _, a := range slices.Backward(e.args) {
			nodes = append(nodes, b.target(a)...)
		}
		return nodes
	}
	b.fail(e.line, "want a net, a select or a concatenation of them, to be driven")
	return nil
}

// instantiate adds an instance.
func (b *builder) instantiate(u *use) {
	child := b.lib.module(u.module, b.depth+1)
	if child == nil {
		b.fail(u.line, "cell %s is no module of the file%s", show(u.module), cellsHint)
	}
	ports := b.lib.find(u.module).ports
	if !u.named && len(u.conns) > len(ports) {
		b.fail(u.line, "%s has %d ports, %d are connected", show(u.module), len(ports), len(u.conns))
	}
	known := map[string]bool{}
	for _, name := range ports {
		known[name] = true
	}
	connected := map[string]connection{}
	for i, c := range u.conns {
		if !u.named {
			c.port = ports[i]
		}
		if _, twice := connected[c.port]; twice {
			b.fail(c.line, "port %s of %s is connected twice", show(c.port), show(u.name))
		}
		if !known[c.port] {
			b.fail(c.line, "%s has no port %s", show(u.module), show(c.port))
		}
		connected[c.port] = c
	}
	var in, out []node
	for _, p := range child.inputs {
		c := connected[p.name]
		if c.expr == nil {
			for _, n := range p.nodes {
				if child.readAt[n] != 0 {
					b.fail(u.line, "input %s of %s, a %s, is not connected", show(p.name), show(u.name), show(u.module))
				}
				in = append(in, unconnected)
			}
			continue
		}
		in = append(in, b.input(c, p, u)...)
	}
	for _, p := range child.outputs {
		c := connected[p.name]
		if c.expr == nil {
			out = append(out, slices.Repeat([]node{unconnected}, len(p.nodes))...)
			continue
		}
		target := b.target(c.expr)
		if len(target) != len(p.nodes) {
			b.fail(c.line, "port %s of %s is %d bits wide, %d are connected", show(p.name), show(u.module), len(p.nodes), len(target))
		}
		out = append(out, target...)
	}
	b.m.instantiate(child, in, out, u.line)
}

// input returns the nodes of the expression at an input port. Its width must be
// the port's, but plain integers have none of their own.
func (b *builder) input(c connection, p port, u *use) []node {
	b.measure(c.expr)
	n := len(p.nodes)
	if c.expr.sized != 0 && c.expr.sized != n {
		b.fail(c.line, "port %s of %s is %d bits wide, %d are connected", show(p.name), show(u.module), n, c.expr.sized)
	}
	nodes := b.value(c.expr, max(n, c.expr.width), c.expr.signed)
	if c.expr.sized == 0 && slices.ContainsFunc(nodes[n:], func(n node) bool { return n != zero }) {
		b.fail(c.line, "port %s of %s is %d bits wide, the number at it has more", show(p.name), show(u.module), n)
	}
	return nodes[:n]
}
