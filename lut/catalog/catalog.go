// Package catalog knows published multipliers by their products: names are not
// identities, for mul8u_17C8 and mul8s_1KV8 are different circuits in two
// releases of one library.
//
// It holds the facts that their authors published: error metrics, and power,
// area and delay after synthesis. Figures of different cell libraries do not
// compare.
package catalog

import (
	"crypto/sha256"
	_ "embed"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"

	"gputrain/lut"
)

//go:generate go run generate.go

//go:embed circuits.tsv
var circuits string

// The sources of circuits.
const (
	// EvoApproxLib, branch master: Mrazek, Hrbacek, Vasicek and Sekanina,
	// "EvoApprox8b: Library of Approximate Adders and Multipliers for
	// Circuit Design and Benchmarking of Approximation Methods", DATE 2017,
	// and its extensions.
	Master = "EvoApproxLib master"

	// V2022 is branch v2022 of the same library, in part the same circuits
	// under other names.
	V2022 = "EvoApproxLib v2022"

	// TableI is Table I of Meng, Burleson, Qian and De Micheli, DATE 2025.
	TableI = "Meng et al. 2025, Table I"

	// Shipped are circuits that come with the code of the same paper where
	// they are not those of the table.
	Shipped = "Meng et al. 2025, code"
)

// An Entry is what one source published about one circuit. Figures that it does
// not give are NaN.
type Entry struct {
	Source string
	Name   string

	// A and B are the ports, in the order of the circuit's declaration.
	// They may be wider than a Table allows.
	A, B lut.Operand

	// Digest identifies the products, as [Digest] takes it with port A
	// first. It is empty if they are not known.
	Digest string

	// Error metrics as printed, as fractions where the source prints
	// percent. NMED is MED / 2^(bits of A and B), as EvoApproxLib has it,
	// or / (2^(bits of A and B) − 1), as the paper; MRED leaves out pairs
	// whose product is 0.
	ER, NMED, MED, MRED, WCE, MSE float64

	// Library is the cell library of the figures that follow.
	Library string
	Power   float64 // µW
	Area    float64 // µm²
	Delay   float64 // ps
}

// A Match is an entry whose products a table has.
type Match struct {
	Entry

	// Order says which operand of the table is port A: "wx" the weight,
	// "xw" the activation, "" either, for the circuit is commutative.
	Order string
}

// Find returns the entries whose products t has, under either order of its
// operands.
func Find(t *lut.Table) []Match {
	wx, xw := Digest(t, "wx"), Digest(t, "xw")
	var found []Match
	for _, e := range all() {
		asWX := e.Digest == wx && e.A == t.W() && e.B == t.X()
		asXW := e.Digest == xw && e.A == t.X() && e.B == t.W()
		switch {
		case asWX && asXW:
			found = append(found, Match{e, ""})
		case asWX:
			found = append(found, Match{e, "wx"})
		case asXW:
			found = append(found, Match{e, "xw"})
		}
	}
	return found
}

// Named returns the entries of a name: several if it means several circuits, or
// one in several sources.
func Named(name string) []Entry {
	var found []Entry
	for _, e := range all() {
		if e.Name == name {
			found = append(found, e)
		}
	}
	return found
}

// All returns every entry.
func All() []Entry { return append([]Entry(nil), all()...) }

// Digest returns the SHA-256, in lower-case hexadecimal, of the products of t
// as the catalog lays them out: little-endian int32, port A selecting the row,
// signed operands in two's-complement order. order says which operand is port
// A: "wx" the weight, "xw" the activation. It panics on other orders.
//
// Unlike [lut.Table.SHA256] it leaves out widths and signs.
func Digest(t *lut.Table, order string) string {
	if order != "wx" && order != "xw" {
		panic("catalog: Digest: order " + order)
	}
	code := func(i int, o lut.Operand) int { // of pattern i
		if o.Signed {
			return (i + o.Count()/2) % o.Count()
		}
		return i
	}
	a, b := t.W(), t.X()
	if order == "xw" {
		a, b = b, a
	}
	p := t.Products()
	buf := make([]byte, 0, 4*len(p))
	for i := range a.Count() {
		for j := range b.Count() {
			w, x := code(i, a), code(j, b)
			if order == "xw" {
				w, x = x, w
			}
			buf = binary.LittleEndian.AppendUint32(buf, uint32(p[w<<t.X().Bits|x]))
		}
	}
	sum := sha256.Sum256(buf)
	return hex.EncodeToString(sum[:])
}

// sources are the values of the first column, and what they stand for.
var sources = map[string]struct{ source, library string }{
	"master": {Master, "FreePDK45"},
	"v2022":  {V2022, "FreePDK45"},
	"table1": {TableI, "ASAP7"},
	"code":   {Shipped, ""},
}

// all parses the catalog once. Its text is part of the program, so a fault of
// it is one of the program.
var all = sync.OnceValue(func() []Entry {
	var entries []Entry
	for i, line := range strings.Split(strings.TrimSpace(circuits), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		e, err := parse(line)
		if err != nil {
			panic(fmt.Sprintf("catalog: circuits.tsv:%d: %v", i+1, err))
		}
		entries = append(entries, e)
	}
	return entries
})

func parse(line string) (Entry, error) {
	const columns = 14
	f := strings.Split(line, "\t")
	if len(f) != columns {
		return Entry{}, fmt.Errorf("%d columns, want %d", len(f), columns)
	}
	s, known := sources[f[0]]
	if !known {
		return Entry{}, fmt.Errorf("source %q", f[0])
	}
	e := Entry{Source: s.source, Library: s.library, Name: f[1], Digest: f[13]}
	for i, port := range []*lut.Operand{&e.A, &e.B} {
		text := f[2+i]
		bits, err := strconv.Atoi(strings.TrimRight(text, "us"))
		if err != nil {
			return Entry{}, fmt.Errorf("port %q", text)
		}
		*port = lut.Operand{Bits: bits, Signed: strings.HasSuffix(text, "s")}
	}
	for i, v := range []struct {
		to   *float64
		unit float64
	}{{&e.ER, 100}, {&e.NMED, 100}, {&e.MED, 1}, {&e.MRED, 100}, {&e.WCE, 1}, {&e.MSE, 1}, {&e.Power, 1}, {&e.Area, 1}, {&e.Delay, 1}} {
		text := f[4+i]
		if text == "" {
			*v.to = math.NaN()
			continue
		}
		number, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return Entry{}, err
		}
		*v.to = number / v.unit
	}
	return e, nil
}
