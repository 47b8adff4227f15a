package netlist

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"gputrain/lut"
)

// ReadBLIF reads a multiplier in the Berkeley Logic Interchange Format: the
// commands .model, .inputs, .outputs, .names, .subckt and .end, comments from
// '#' to the end of the line, and lines continued by a '\' at their end.
//
// The first model is the top unless o.Top names another. Its .inputs list
// operand A and then operand B, the least significant bit first: by their base
// names if they have any, as in "A[0] A[1] B[0] B[1]" or "a0 a1 b0 b1", else
// in two halves. A .subckt may use a model that comes later, or a module of
// the Verilog file o.Cells.
//
// Nets that nothing drives are 0, which Assumed says; $true is 1.
//
// Source of the format: Berkeley Logic Interchange Format (BLIF), University of
// California, Berkeley, 1992.
func ReadBLIF(r io.Reader, path string, o lut.LoadOptions) (c *Circuit, err error) {
	defer rescue(&err)
	p := &blifParser{src: newSource(r, path), models: map[string]*blifModel{}}
	p.parse()
	top := p.top(o.Top)
	b := &blifBuilder{models: p.models, cells: openCells(o.Cells)}
	m := b.module(top, 1)
	m.inputs = operandPorts(m)
	m.outputs = productPort(m)
	c = newCircuit(m, o)
	c.assumed = append(c.assumed, b.notes...)
	c.published = p.header.figures
	return c, nil
}

// A blifModel is a .model as written. Its covers are gates already; its
// .subckt lines wait until all models are known.
type blifModel struct {
	m               *module
	nets            map[string]node
	inputs, outputs []string
	uses            []blifUse
	built           bool
	building        bool
}

// A blifUse is a .subckt line.
type blifUse struct {
	line  int32
	model string
	pairs []string // formal=actual
}

type blifParser struct {
	src    *source
	header header
	models map[string]*blifModel
	order  []*blifModel
	cover  *blifCover
	count  int // of words, see maxWords
}

// A blifCover is a .names under way.
type blifCover struct {
	line   int32
	inputs []node
	output node
	rows   int
	value  byte // '1' or '0', the output of all its rows
	sum    node // or of the rows so far
}

func (p *blifParser) fail(line int32, format string, args ...any) {
	fail(p.src.path, int(line), format, args...)
}

func (p *blifParser) parse() {
	var model *blifModel // nil before the first and after .end
	for {
		words, at, ok := p.words()
		if !ok {
			break
		}
		line := int32(at)
		if words[0][0] != '.' {
			if p.cover == nil {
				p.fail(line, "%s: want a command such as .model or .names", show(words[0]))
			}
			p.row(model.m, words, line)
			continue
		}
		p.endCover(model)
		if model == nil && words[0] != ".model" {
			p.fail(line, "%s outside a model: want .model first", show(words[0]))
		}
		switch words[0] {
		case ".model":
			if len(words) != 2 {
				p.fail(line, ".model with %d names, want one", len(words)-1)
			}
			if other, ok := p.models[words[1]]; ok {
				p.fail(line, "model %s is defined twice, first on line %d", show(words[1]), other.m.line)
			}
			p.spend(modelWords, at)
			model = &blifModel{m: newModule(words[1], p.src.path, at), nets: map[string]node{}}
			p.models[words[1]] = model
			p.order = append(p.order, model)
		case ".inputs":
			for _, name := range words[1:] {
				n := model.net(name, line)
				model.m.drive(n, line)
				model.inputs = append(model.inputs, name)
			}
		case ".outputs":
			for _, name := range words[1:] {
				model.net(name, line)
				model.outputs = append(model.outputs, name)
			}
		case ".names":
			if len(words) < 2 {
				p.fail(line, ".names without an output")
			}
			c := &blifCover{line: line, sum: zero}
			for _, name := range words[1 : len(words)-1] {
				c.inputs = append(c.inputs, model.net(name, line))
			}
			c.output = model.net(words[len(words)-1], line)
			p.cover = c
		case ".subckt":
			if len(words) < 2 {
				p.fail(line, ".subckt without a model")
			}
			model.uses = append(model.uses, blifUse{line, words[1], words[2:]})
			model.m.spend(len(words), line)
		case ".end":
			model = nil
		default:
			p.fail(line, "%s is not supported: a combinational circuit has .model, .inputs, .outputs, .names, .subckt and .end", show(words[0]))
		}
	}
	p.endCover(model)
	if len(p.order) == 0 {
		p.fail(int32(p.src.line), "no .model")
	}
}

// words returns the words of the next line that has any, and the number of its
// first line; false at the end of the text.
func (p *blifParser) words() ([]string, int, bool) {
	var words []string
	var word []byte
	line := p.src.line
	flush := func() {
		if len(word) > 0 {
			if len(words) == 0 {
				line = p.src.line
			}
			words = append(words, string(word))
			word = word[:0]
			p.spend(1, p.src.line)
		}
	}
	for {
		c := p.src.peek()
		switch c {
		case end:
			flush()
			return words, line, len(words) > 0
		case '\n':
			flush()
			p.src.next()
			if len(words) > 0 {
				return words, line, true
			}
			continue
		case ' ', '\t', '\r':
			flush()
		case '#':
			flush()
			p.comment()
			continue
		case '\\':
			p.src.next()
			if p.src.peek() == '\r' {
				p.src.next()
			}
			if p.src.peek() == '\n' {
				flush()
			} else {
				word = append(word, '\\')
				continue
			}
		default:
			if word = append(word, byte(c)); len(word) > maxToken {
				p.fail(int32(p.src.line), "word of more than %d bytes: %s", maxToken, show(string(word)))
			}
		}
		p.src.next()
	}
}

// spend counts words.
func (p *blifParser) spend(words, line int) {
	if p.count += words; p.count > maxWords {
		p.fail(int32(line), "more than %d words", maxWords)
	}
}

// comment skips a comment up to the end of its line. Those before the first
// model are the header.
func (p *blifParser) comment() {
	inHeader := len(p.order) == 0
	p.src.next()
	for c := p.src.peek(); c != end && c != '\n'; c = p.src.peek() {
		if inHeader {
			p.header.add(byte(c))
		}
		p.src.next()
	}
	if inHeader {
		p.header.add('\n')
	}
}

// net returns the node of a name, new if it is not known.
func (m *blifModel) net(name string, line int32) node {
	n, ok := m.nets[name]
	if !ok {
		n = m.m.addNet(name, 1, nil, line).base
		m.nets[name] = n
	}
	return n
}

// row adds a row of a cover: a product of the inputs' literals.
func (p *blifParser) row(m *module, words []string, line int32) {
	c := p.cover
	cube, value := "", words[len(words)-1]
	switch {
	case len(c.inputs) > 0 && len(words) == 2:
		cube = words[0]
	case len(c.inputs) > 0 || len(words) != 1:
		p.fail(line, "row of %d words, want the values of %d inputs and one output", len(words), len(c.inputs))
	}
	if len(cube) != len(c.inputs) {
		p.fail(line, "row %s of %d inputs, want %d", show(cube), len(cube), len(c.inputs))
	}
	if value != "0" && value != "1" {
		p.fail(line, "output %s of a row, want 0 or 1", show(value))
	}
	if c.rows++; c.rows == 1 {
		c.value = value[0]
	} else if c.value != value[0] {
		p.fail(line, "a cover with both 0 and 1 as output")
	}
	product := one
	for i, v := range []byte(cube) {
		literal := c.inputs[i]
		switch v {
		case '-':
			continue
		case '0':
			literal = m.gate(opNot, literal, literal, line)
		case '1':
		default:
			p.fail(line, "row %s, want 0, 1 and - only", show(cube))
		}
		if product == one {
			product = literal
		} else {
			product = m.gate(opAnd, product, literal, line)
		}
	}
	if c.sum == zero {
		c.sum = product
	} else {
		c.sum = m.gate(opOr, c.sum, product, line)
	}
}

// endCover closes the cover under way. One without rows is 0, one whose rows
// give 0 is the complement of their sum.
func (p *blifParser) endCover(model *blifModel) {
	c := p.cover
	if c == nil {
		return
	}
	p.cover = nil
	if c.rows > 0 && c.value == '0' {
		c.sum = model.m.gate(opNot, c.sum, c.sum, c.line)
	}
	model.m.assign(c.output, c.sum, c.line)
}

// top returns the named model, the first if name is empty.
func (p *blifParser) top(name string) *blifModel {
	if name == "" {
		return p.order[0]
	}
	top, ok := p.models[name]
	if !ok {
		var names []string
		for _, m := range p.order {
			names = append(names, m.m.name)
		}
		p.fail(0, "no model %s, the file has %s", show(name), list(names))
	}
	return top
}

// A blifBuilder completes the modules of the models in use.
type blifBuilder struct {
	models map[string]*blifModel
	cells  *library
	notes  []string
}

// module completes the module of a model: its ports one for each bit.
func (b *blifBuilder) module(model *blifModel, depth int) *module {
	m := model.m
	if model.built {
		return m
	}
	if model.building {
		m.fail(int32(m.line), "model %s uses itself", show(m.name))
	}
	if depth > maxDepth {
		m.fail(int32(m.line), "models nested more than %d deep", maxDepth)
	}
	model.building = true
	for _, u := range model.uses {
		b.use(model, u, depth)
	}
	model.building = false
	model.built = true
	for _, name := range model.inputs {
		m.inputs = append(m.inputs, port{name: name, nodes: []node{model.nets[name]}})
	}
	for _, name := range model.outputs {
		m.outputs = append(m.outputs, port{name: name, nodes: []node{model.nets[name]}})
	}
	m.readOutputs()

	var dangling []string
	for _, n := range m.undriven() {
		name := m.nodeName(n)
		if name == "$true" {
			m.assign(n, one, int32(m.line))
			b.notes = append(b.notes, "$true of model "+show(m.name)+" is 1")
			continue
		}
		dangling = append(dangling, name) // flattened, it reads 0
	}
	if len(dangling) > 0 {
		b.notes = append(b.notes, fmt.Sprintf("undriven in model %s, taken as 0: %s", show(m.name), list(dangling)))
	}
	return m
}

// use adds the instance that a .subckt line asks for.
func (b *blifBuilder) use(model *blifModel, u blifUse, depth int) {
	m := model.m
	var child *module
	if other, ok := b.models[u.model]; ok {
		child = b.module(other, depth+1)
	} else if child = b.cells.module(u.model, depth+1); child == nil {
		m.fail(u.line, "model %s is not in the file%s", show(u.model), cellsHint)
	}
	formals := map[string]int{} // inputs from 0, outputs from −1 down
	for i, name := range bitNames(child.inputs) {
		formals[name] = i
	}
	for i, name := range bitNames(child.outputs) {
		formals[name] = -1 - i
	}
	in := slices.Repeat([]node{unconnected}, totalBits(child.inputs))
	out := slices.Repeat([]node{unconnected}, totalBits(child.outputs))
	for _, pair := range u.pairs {
		formal, actual, ok := strings.Cut(pair, "=")
		if !ok || actual == "" {
			m.fail(u.line, "%s, want formal=actual", show(pair))
		}
		i, ok := formals[formal]
		if !ok {
			m.fail(u.line, "%s has no port %s", show(u.model), show(formal))
		}
		place := &in
		if i < 0 {
			place, i = &out, -1-i
		}
		if (*place)[i] != unconnected {
			m.fail(u.line, "port %s of %s is connected twice", show(formal), show(u.model))
		}
		(*place)[i] = model.net(actual, u.line)
	}
	var open []string
	names := bitNames(child.inputs)
	for i, n := range inputNodes(child) {
		if in[i] == unconnected && child.readAt[n] != 0 {
			open = append(open, names[i])
		}
	}
	if len(open) > 0 {
		b.notes = append(b.notes, fmt.Sprintf("line %d: unconnected inputs of %s, taken as 0: %s", u.line, show(u.model), list(open)))
	}
	m.instantiate(child, in, out, u.line)
}

// list joins names for a message, a few at most.
func list(names []string) string {
	const most = 8
	var s []string
	for _, n := range names[:min(len(names), most)] {
		s = append(s, show(n))
	}
	if len(names) > most {
		s = append(s, fmt.Sprintf("… (%d in all)", len(names)))
	}
	return strings.Join(s, ", ")
}

// bitNames names the bits of ports in a row, as formal names of .subckt.
func bitNames(ports []port) []string {
	var names []string
	for _, p := range ports {
		if len(p.nodes) == 1 {
			names = append(names, p.name)
			continue
		}
		for i := range p.nodes {
			names = append(names, fmt.Sprintf("%s[%d]", p.name, i))
		}
	}
	return names
}

func inputNodes(m *module) []node {
	var nodes []node
	for _, p := range m.inputs {
		nodes = append(nodes, p.nodes...)
	}
	return nodes
}

// splitIndex takes the index off a bit's name: "A[3]" or "a3". Index −1 if it
// has none.
func splitIndex(name string) (base string, index int) {
	digits := strings.TrimSuffix(name, "]")
	start := len(digits)
	for start > 0 && digits[start-1] >= '0' && digits[start-1] <= '9' {
		start--
	}
	base = digits[:start]
	if bracketed := len(digits) < len(name); bracketed {
		if !strings.HasSuffix(base, "[") {
			return name, -1
		}
		base = strings.TrimSuffix(base, "[")
	}
	index, err := strconv.Atoi(digits[start:])
	if err != nil || base == "" {
		return name, -1
	}
	return base, index
}

// groupBits gathers the bits of a model's inputs or outputs into ports by
// their base names.
func groupBits(m *module, bits []port) []port {
	var groups []port
	last := -1
	for _, bit := range bits {
		base, index := splitIndex(bit.name)
		if len(groups) == 0 || groups[len(groups)-1].name != base {
			for _, g := range groups {
				if g.name == base {
					m.fail(int32(m.line), "the bits of %s do not stand together", show(base))
				}
			}
			groups = append(groups, port{name: base})
		} else if index <= last {
			m.fail(int32(m.line), "%s stands after index %d of %s: list the least significant bit first", show(bit.name), last, show(base))
		}
		last = index
		g := &groups[len(groups)-1]
		g.nodes = append(g.nodes, bit.nodes...)
	}
	return groups
}

// anonymous reports whether bits carry no base names that could tell operands
// apart: all have the same, or all have none.
func anonymous(bits, groups []port) bool {
	return len(groups) == 1 || len(groups) == len(bits) && len(bits) > 2
}

// operandPorts makes the two operands of a top of its inputs.
func operandPorts(m *module) []port {
	if n := len(m.inputs); n > maxPairBits {
		m.fail(int32(m.line), "%s has %d input bits, want at most %d", show(m.name), n, maxPairBits)
	}
	groups := groupBits(m, m.inputs)
	if !anonymous(m.inputs, groups) {
		return groups
	}
	n := len(m.inputs)
	if n%2 != 0 {
		m.fail(int32(m.line), "%s has %d inputs, whose names do not tell two operands", show(m.name), n)
	}
	halves := []port{{name: "inputs 1…" + strconv.Itoa(n/2)}, {name: fmt.Sprintf("inputs %d…%d", n/2+1, n)}}
	for i, bit := range m.inputs {
		h := &halves[i*2/n]
		h.nodes = append(h.nodes, bit.nodes...)
	}
	return halves
}

// productPort makes the product of a top of its outputs.
func productPort(m *module) []port {
	if n := len(m.outputs); n > maxProductBits {
		m.fail(int32(m.line), "%s has %d output bits, want at most %d", show(m.name), n, maxProductBits)
	}
	groups := groupBits(m, m.outputs)
	if !anonymous(m.outputs, groups) {
		return groups
	}
	p := port{name: "outputs"}
	if len(groups) == 1 {
		p.name = groups[0].name
	}
	for _, bit := range m.outputs {
		p.nodes = append(p.nodes, bit.nodes...)
	}
	return []port{p}
}
