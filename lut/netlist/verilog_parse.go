package netlist

import (
	"io"
	"math/big"
	"strings"
)

// A unit is the modules of one Verilog text.
type unit struct {
	path    string
	modules []*verilogModule
	byName  map[string]*verilogModule
	header  header
}

// parseVerilog reads the modules of a text, by recursive descent with one token
// of lookahead. Faults bail out.
func parseVerilog(r io.Reader, path string) *unit {
	p := &verilogParser{lex: newLexer(r, path), path: path}
	p.tok = p.lex.next()
	u := &unit{path: path, byName: map[string]*verilogModule{}}
	for p.tok.kind != endToken {
		m := p.module()
		if other, ok := u.byName[m.name]; ok {
			fail(path, m.line, "module %s is defined twice, first on line %d", show(m.name), other.line)
		}
		u.byName[m.name] = m
		u.modules = append(u.modules, m)
	}
	if len(u.modules) == 0 {
		p.fail("no module")
	}
	u.header = p.lex.header
	return u
}

type verilogParser struct {
	lex         *lexer
	path        string
	tok         token
	depth       int // of nested expressions
	expressions int
}

func (p *verilogParser) fail(format string, args ...any) { fail(p.path, p.tok.line, format, args...) }

// advance moves to the next token and returns the current one.
func (p *verilogParser) advance() token {
	t := p.tok
	p.tok = p.lex.next()
	return t
}

// is reports whether the current token is this keyword or symbol.
func (p *verilogParser) is(text string) bool {
	return (p.tok.kind == keyword || p.tok.kind == symbolToken) && p.tok.text == text
}

// accept consumes the token if it is this keyword or symbol.
func (p *verilogParser) accept(text string) bool {
	if p.is(text) {
		p.advance()
		return true
	}
	return false
}

func (p *verilogParser) expect(text, where string) {
	if !p.accept(text) {
		p.unexpected("want %s %s", text, where)
	}
}

// unexpected fails at the current token; format says what is wanted. What the
// language knows and this package does not is named as such.
func (p *verilogParser) unexpected(format string, args ...any) {
	switch {
	case p.is("?"):
		p.fail("the operator ?: is not supported: write it with & | ~")
	case p.tok.kind == symbolToken && unsupported[p.tok.text]:
		p.fail("the operator %s is not supported: want & | ^ ~ ! + *", p.tok.text)
	case p.is("#"):
		p.fail("# (a delay or parameters) is not supported")
	case p.tok.kind == keyword && !structural[p.tok.text]:
		p.fail("%s is not supported: a structural netlist has wires, assign and instances only", p.tok.text)
	}
	p.fail("%s: "+format, append([]any{p.tok.describe()}, args...)...)
}

// structural are the keywords that this package reads.
var structural = wordSet("module endmodule input output wire signed localparam assign")

// name consumes an identifier.
func (p *verilogParser) name(what string) name {
	if p.tok.kind != nameToken {
		p.unexpected("want %s", what)
	}
	t := p.advance()
	return name{t.text, int32(t.line)}
}

// module = "module" name [ "(" ports ")" ] ";" { item } "endmodule"
func (p *verilogParser) module() *verilogModule {
	line := p.tok.line
	p.count(int32(line))
	p.expect("module", "to begin a module")
	m := &verilogModule{path: p.path, line: line, name: p.name("the name of the module").text}
	if p.accept("(") {
		p.ports(m)
	}
	p.expect(";", "after the module's ports")
	for !p.accept("endmodule") {
		if p.tok.kind == endToken {
			fail(p.path, line, "module %s without endmodule", show(m.name))
		}
		p.item(m)
	}
	return m
}

// ports = name { "," name } | header { "," ( header | name ) }, where
// header = direction [ "wire" ] [ "signed" ] [ range ] name
func (p *verilogParser) ports(m *verilogModule) {
	if p.accept(")") {
		return
	}
	var d *declaration
	for {
		if p.is("input") || p.is("output") {
			if d == nil && len(m.ports) > 0 {
				p.unexpected("want the name of a port, as before")
			}
			d = p.declaration(p.advance().text)
			m.items = append(m.items, d)
		}
		n := p.name("the name of a port, input or output")
		p.count(n.line)
		m.ports = append(m.ports, n.text)
		if d != nil {
			d.names = append(d.names, n)
		}
		if !p.accept(",") {
			break
		}
	}
	p.expect(")", "after the ports")
}

// declaration = direction [ "wire" ] [ "signed" ] [ range ]; the names follow.
func (p *verilogParser) declaration(direction string) *declaration {
	d := &declaration{direction: direction}
	if direction == "wire" {
		d.direction = ""
	} else {
		p.accept("wire")
	}
	d.signed = p.accept("signed")
	d.msb, d.lsb = p.bounds()
	return d
}

// bounds = [ "[" expression ":" expression "]" ]
func (p *verilogParser) bounds() (msb, lsb *expr) {
	if !p.accept("[") {
		return nil, nil
	}
	msb = p.expression()
	p.expect(":", "in a range")
	lsb = p.expression()
	p.expect("]", "after a range")
	return msb, lsb
}

func (p *verilogParser) item(m *verilogModule) {
	switch {
	case p.accept(";"):
	case p.is("input"), p.is("output"), p.is("wire"):
		d := p.declaration(p.advance().text)
		m.items = append(m.items, d)
		for {
			n := p.name("a name to declare")
			p.count(n.line)
			d.names = append(d.names, n)
			if p.is("[") {
				p.fail("%s is an array, which is not supported", show(n.text))
			}
			if d.direction == "" && p.accept("=") {
				target := &expr{kind: reference, name: n.text, line: n.line, depth: 1}
				m.items = append(m.items, &assignment{target, p.expression(), n.line})
			}
			if !p.accept(",") {
				break
			}
		}
		p.expect(";", "after a declaration")
	case p.accept("localparam"):
		signed := p.accept("signed")
		msb, lsb := p.bounds()
		for {
			n := p.name("the name of a localparam")
			p.expect("=", "after the name of a localparam")
			m.items = append(m.items, &localparam{n, signed, msb, lsb, p.expression()})
			if !p.accept(",") {
				break
			}
		}
		p.expect(";", "after localparam")
	case p.is("assign"):
		line := p.advance().line
		for {
			target := p.primary()
			p.expect("=", "in an assignment")
			m.items = append(m.items, &assignment{target, p.expression(), int32(line)})
			if !p.accept(",") {
				break
			}
			line = p.tok.line
		}
		p.expect(";", "after an assignment")
	case p.tok.kind == nameToken:
		p.instances(m)
	default:
		p.unexpected("want a declaration, assign, an instance or endmodule")
	}
}

// instances = module name "(" connections ")" { "," name "(" connections ")" } ";"
func (p *verilogParser) instances(m *verilogModule) {
	of := p.name("the name of a module")
	for {
		if p.is("(") {
			p.fail("an instance of %s without a name", show(of.text))
		}
		n := p.name("the name of an instance of " + show(of.text))
		if p.is("[") {
			p.fail("%s is an array of instances, which is not supported", show(n.text))
		}
		u := &use{module: of.text, name: n.text, line: n.line}
		p.expect("(", "before the ports of an instance")
		p.connections(u)
		m.items = append(m.items, u)
		if !p.accept(",") {
			break
		}
	}
	p.expect(";", "after an instance")
}

// connections are all named, .port(expression), or all in order; empty ones are
// not connected.
func (p *verilogParser) connections(u *use) {
	if p.accept(")") {
		return
	}
	u.named = p.is(".")
	for {
		p.count(int32(p.tok.line))
		c := connection{line: int32(p.tok.line)}
		if u.named != p.is(".") {
			p.unexpected("want all ports of an instance by name, or none")
		}
		if p.accept(".") {
			c.port = p.name("the name of a port").text
			p.expect("(", "after the name of a port")
			if !p.is(")") {
				c.expr = p.expression()
			}
			p.expect(")", "after a port's expression")
		} else if !p.is(",") && !p.is(")") {
			c.expr = p.expression()
		}
		u.conns = append(u.conns, c)
		if !p.accept(",") {
			break
		}
	}
	p.expect(")", "after the ports of an instance")
}

// precedence of the binary operators that bind, the rest is not supported.
// Those beyond + * & ^ | are for constant expressions: see constants.go.
var precedence = map[string]int{
	"*": 6, "/": 6, "%": 6,
	"+": 5, "-": 5,
	"<<": 4, ">>": 4,
	"&": 3,
	"^": 2,
	"|": 1,
}

// unsupported are the operators of Verilog that this package does not read.
var unsupported = wordSet("? ~ ! && || == != === !== < > <= >= <<< >>> ** -> +: -:")

// count counts an operand, operator, name or connection.
func (p *verilogParser) count(line int32) {
	if p.expressions++; p.expressions > maxExpressions {
		fail(p.path, int(line), "more than %d modules, names and operands", maxExpressions)
	}
}

// node makes an expression of its operands.
func (p *verilogParser) node(e *expr) *expr {
	p.count(e.line)
	for _, a := range e.args {
		e.depth = max(e.depth, a.depth)
	}
	if e.depth++; e.depth > maxDepth {
		fail(p.path, int(e.line), "expression nested more than %d deep", maxDepth)
	}
	return e
}

func (p *verilogParser) expression() *expr { return p.binary(1) }

// binary reads operands joined by operators of at least the given precedence.
func (p *verilogParser) binary(least int) *expr {
	left := p.prefix()
	for p.tok.kind == symbolToken {
		op := p.tok.text
		rank := precedence[op]
		if unsupported[op] {
			p.unexpected("want the end of the expression")
		}
		if rank < least { // no operator, or one for the caller
			break
		}
		line := int32(p.advance().line)
		right := p.binary(rank + 1)
		if left.kind == chain && left.op == op {
			left.args = append(left.args, right)
			if left.depth = max(left.depth, right.depth+1); left.depth > maxDepth {
				fail(p.path, int(line), "expression nested more than %d deep", maxDepth)
			}
			continue
		}
		left = p.node(&expr{kind: chain, op: op, args: []*expr{left, right}, line: line})
	}
	return left
}

// prefix = { "~" | "!" | "+" | "-" } primary
func (p *verilogParser) prefix() *expr {
	if p.depth++; p.depth > maxDepth {
		p.fail("expression nested more than %d deep", maxDepth)
	}
	defer func() { p.depth-- }()
	switch {
	case p.is("~"), p.is("!"), p.is("+"), p.is("-"):
		t := p.advance()
		return p.node(&expr{kind: unary, op: t.text, args: []*expr{p.prefix()}, line: int32(t.line)})
	case p.is("&"), p.is("|"), p.is("^"):
		p.fail("the reduction operator %s is not supported", p.tok.text)
	}
	return p.primary()
}

// primary = number | name [ "[" bounds "]" ] | "(" expression ")" |
// "{" list "}" | "{" expression "{" list "}" "}" | "$signed" "(" expression ")"
func (p *verilogParser) primary() *expr {
	if p.depth++; p.depth > maxDepth {
		p.fail("expression nested more than %d deep", maxDepth)
	}
	defer func() { p.depth-- }()
	line := int32(p.tok.line)
	switch {
	case p.tok.kind == numberToken:
		return p.node(p.number())
	case p.tok.kind == nameToken:
		e := &expr{kind: reference, name: p.advance().text, line: line}
		if p.accept("[") {
			e.kind = selection
			e.args = append(e.args, p.expression())
			if p.accept(":") {
				e.args = append(e.args, p.expression())
			}
			p.expect("]", "after an index")
			if p.is("[") {
				p.fail("a selection of a selection is not supported")
			}
		}
		return p.node(e)
	case p.accept("("):
		e := p.expression()
		p.expect(")", "to close a parenthesis")
		return e
	case p.accept("{"):
		first := p.expression()
		if p.accept("{") {
			inner := p.node(&expr{kind: concat, args: p.list(p.expression()), line: line})
			p.expect("}", "after a replication")
			return p.node(&expr{kind: repeat, args: []*expr{first, inner}, line: line})
		}
		return p.node(&expr{kind: concat, args: p.list(first), line: line})
	case p.tok.kind == systemToken && p.tok.text == "$signed":
		p.advance()
		p.expect("(", "after $signed")
		e := p.node(&expr{kind: asSigned, args: []*expr{p.expression()}, line: line})
		p.expect(")", "after $signed(…")
		return e
	case p.tok.kind == systemToken:
		p.fail("%s is not supported", show(p.tok.text))
	}
	p.unexpected("want an operand")
	return nil
}

// list reads the rest of a concatenation.
func (p *verilogParser) list(first *expr) []*expr {
	args := []*expr{first}
	for p.accept(",") {
		args = append(args, p.expression())
	}
	p.expect("}", "to close a concatenation")
	return args
}

// number reads a constant: a plain integer, of 32 bits and signed, or
// [width]'[s]base digits.
func (p *verilogParser) number() *expr {
	t := p.advance()
	wrong := func(why string) { fail(p.path, t.line, "constant %s: %s", show(t.text), why) }
	size, rest, based := strings.Cut(strings.ReplaceAll(t.text, "_", ""), "'")
	e := &expr{kind: constant, width: 32, signed: !based, line: int32(t.line)}
	digits, base := size, 10
	if based {
		rest = strings.ToLower(rest)
		if strings.HasPrefix(rest, "s") {
			e.signed = true
			rest = rest[1:]
		}
		if rest == "" {
			wrong("want a base b, o, d or h and digits")
		}
		switch rest[0] {
		case 'b':
			base = 2
		case 'o':
			base = 8
		case 'd':
		case 'h':
			base = 16
		default:
			wrong("want a base b, o, d or h")
		}
		digits = rest[1:]
		if strings.ContainsAny(digits, "xz?") {
			wrong("x and z are not supported")
		}
		if size != "" {
			w, ok := new(big.Int).SetString(size, 10)
			if !ok || w.Sign() == 0 || w.Cmp(big.NewInt(maxWidth)) > 0 {
				wrong("want a width of 1 to 65536")
			}
			e.width = int(w.Int64())
			e.sized = e.width
		}
	}
	v, ok := new(big.Int).SetString(digits, base)
	if !ok || v.Sign() < 0 {
		wrong("want digits of its base")
	}
	limit := e.width
	if !based {
		limit = 31 // its sign bit is not written
	}
	if v.BitLen() > limit {
		wrong("it does not fit its width")
	}
	e.value = v
	return e
}
