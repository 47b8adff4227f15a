package netlist

import (
	"io"
	"strings"
)

// A token is a word of Verilog.
type token struct {
	kind tokenKind
	text string
	line int
}

type tokenKind uint8

const (
	endToken    tokenKind = iota
	nameToken             // identifier, the backslash of an escaped one gone
	keyword               // of Verilog, whether this package reads it or not
	numberToken           // 12, 8'hff
	systemToken           // $signed
	symbolToken           // punctuation and operators
)

// describe names a token for a message.
func (t token) describe() string {
	if t.kind == endToken {
		return "end of file"
	}
	return show(t.text)
}

// keywords are those of Verilog-2005 that could stand where a module item or
// an expression is expected, with some of SystemVerilog. Only the first line is
// read; the rest is there to be named in messages.
var keywords = wordSet(`
	module endmodule input output wire signed localparam assign
	always and automatic begin buf bufif0 bufif1 case casex casez cell cmos config deassign default defparam
	disable edge else end endcase endfunction endgenerate endprimitive endspecify endtable endtask event for
	force forever fork function generate genvar if ifnone include initial inout integer join large macromodule
	medium nand negedge nmos nor not notif0 notif1 or parameter pmos posedge primitive pull0 pull1 pulldown
	pullup rcmos real realtime reg release repeat rnmos rpmos rtran rtranif0 rtranif1 scalared small specify
	specparam strong0 strong1 supply0 supply1 table task time tran tranif0 tranif1 tri tri0 tri1 triand trior
	trireg unsigned use vectored wait wand weak0 weak1 while wor xnor xor
	always_comb always_ff always_latch bit byte enum import int interface logic package program struct typedef union`)

func wordSet(s string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(s) {
		set[w] = true
	}
	return set
}

// operators are the symbols of more than one byte, longer ones first. ^~ and
// ~^ are missing on purpose: a ^~ b is read as a ^ (~b), which is the same.
var operators = []string{
	"<<<", ">>>", "===", "!==",
	"&&", "||", "==", "!=", "<=", ">=", "<<", ">>", "**", "->", "+:", "-:", "(*", "*)",
}

// A lexer splits a text into tokens. Comments, attributes (* … *) and the
// directives `timescale, `default_nettype, `celldefine and `endcelldefine are
// passed over.
type lexer struct {
	src      *source
	header   header
	inHeader bool // no token has come yet
}

func newLexer(r io.Reader, path string) *lexer {
	return &lexer{src: newSource(r, path), inHeader: true}
}

func (l *lexer) fail(format string, args ...any) { fail(l.src.path, l.src.line, format, args...) }

// next returns the next token.
func (l *lexer) next() token {
	for {
		t := l.scan()
		if t.kind == symbolToken && t.text == "(*" {
			l.skipAttribute(t.line)
			continue
		}
		return t
	}
}

func (l *lexer) skipAttribute(line int) {
	for {
		switch t := l.scan(); {
		case t.kind == endToken:
			fail(l.src.path, line, "attribute (* without *)")
		case t.kind == symbolToken && t.text == "*)":
			return
		}
	}
}

// scan returns the next token, attributes included.
func (l *lexer) scan() token {
	for {
		line := l.src.line
		c := l.src.peek()
		switch {
		case c == end:
			return token{endToken, "", line}
		case c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f':
			l.src.next()
			continue
		case l.src.prefix("//"):
			l.lineComment()
			continue
		case l.src.prefix("/*"):
			l.blockComment()
			continue
		case c == '`':
			l.directive()
			continue
		}
		l.inHeader = false
		switch {
		case isLetter(c):
			text := l.take(isNamePart)
			if keywords[text] {
				return token{keyword, text, line}
			}
			return token{nameToken, text, line}
		case c == '\\':
			l.src.next()
			text := l.take(func(c int) bool { return c > ' ' })
			if text == "" {
				l.fail("escaped name without a letter")
			}
			return token{nameToken, text, line}
		case c == '$':
			l.src.next()
			return token{systemToken, "$" + l.take(isNamePart), line}
		case isDigit(c) || c == '\'':
			return token{numberToken, l.number(), line}
		case c == '"':
			return token{symbolToken, l.quoted(), line}
		case c < ' ' || c > '~':
			l.fail("byte %#02x is not Verilog", c)
		}
		return token{symbolToken, l.symbol(), line}
	}
}

func isDigit(c int) bool  { return '0' <= c && c <= '9' }
func isLetter(c int) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' && c < 0x80 || c == '_' }
func isNamePart(c int) bool {
	return isLetter(c) || isDigit(c) || c == '$'
}

// take consumes bytes as long as they are of a class.
func (l *lexer) take(class func(c int) bool) string {
	var b []byte
	for c := l.src.peek(); c != end && class(c); c = l.src.peek() {
		if b = append(b, byte(l.src.next())); len(b) > maxToken {
			l.fail("name or number of more than %d bytes: %s", maxToken, show(string(b)))
		}
	}
	return string(b)
}

// number consumes a constant: digits, and after an apostrophe base and digits.
func (l *lexer) number() string {
	text := l.take(func(c int) bool { return isDigit(c) || c == '_' })
	if l.src.peek() != '\'' {
		return text
	}
	l.src.next()
	return text + "'" + l.take(func(c int) bool { return isNamePart(c) || c == '?' })
}

// quoted consumes a string, which occurs in attributes.
func (l *lexer) quoted() string {
	l.src.next()
	text := l.take(func(c int) bool { return c != '"' && c != '\n' })
	if l.src.next() != '"' {
		l.fail("string without an end")
	}
	return `"` + text + `"`
}

// symbol consumes an operator or a mark of punctuation.
func (l *lexer) symbol() string {
	for _, op := range operators {
		if l.src.prefix(op) {
			l.src.skip(len(op))
			return op
		}
	}
	return string(rune(l.src.next()))
}

func (l *lexer) lineComment() {
	l.src.skip(len("//"))
	for c := l.src.peek(); c != end && c != '\n'; c = l.src.peek() {
		l.keep(l.src.next())
	}
	l.keep('\n')
}

func (l *lexer) blockComment() {
	line := l.src.line
	l.src.skip(len("/*"))
	for !l.src.prefix("*/") {
		c := l.src.next()
		if c == end {
			fail(l.src.path, line, "comment /* without */")
		}
		l.keep(c)
	}
	l.src.skip(len("*/"))
	l.keep('\n')
}

// keep passes a byte of a comment to the header, while the text is in it.
func (l *lexer) keep(c int) {
	if l.inHeader {
		l.header.add(byte(c))
	}
}

// directive skips a compiler directive that does not change the circuit.
func (l *lexer) directive() {
	line := l.src.line
	l.src.next()
	name := l.take(isNamePart)
	switch name {
	case "timescale", "default_nettype":
		for c := l.src.peek(); c != end && c != '\n'; c = l.src.peek() {
			l.src.next()
		}
	case "celldefine", "endcelldefine":
	default:
		fail(l.src.path, line, "directive `%s is not supported", show(name))
	}
}
