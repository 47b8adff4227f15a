//go:build cgo && !nogpu

package gpu

import (
	"fmt"
	"math/bits"
	"strings"

	"gputrain/lut"
	"gputrain/model/backend"
)

// A family is one way to compute a sum of products.
type family uint8

const (
	// The zero family is gather: an invocation computes each result, or slice
	// of it, alone.
	_ family = iota

	// rowexp looks up in rows of shared memory (kernels of row expansion).
	rowexp

	// gemm has a work group compute a tile of the results from tiles of the
	// operands in shared memory.
	gemm
)

// A plan says how an operation is computed. Plans that suit it give the same
// integers, and floats that differ by the order of sums alone.
type plan struct {
	family family

	// Of rowexp forward: the macros of its kernel, and the least number of
	// parts that sums are split into.
	rows, columns, lanes int
	splits               int

	tile int // of gemm: an index of gemmTiles
}

// String formats a plan as in "rowexp rows=8 columns=4 lanes=256 splits=2".
func (p plan) String() string {
	switch {
	case p.family == gemm:
		return fmt.Sprintf("gemm tile=%dx%d", gemmTiles[p.tile].rows, gemmTiles[p.tile].columns)
	case p.family == rowexp && p.splits > 0:
		return fmt.Sprintf("rowexp rows=%d columns=%d lanes=%d splits=%d", p.height(), p.each(), p.invocations(), p.splits)
	case p.family == rowexp:
		return "rowexp"
	}
	return "gather"
}

// height, each and invocations are what the macros stand for: rows of a tile,
// columns of a lane, lanes of a work group. span is the columns of a tile.
func (p plan) height() int      { return 8 << p.rows }
func (p plan) each() int        { return 4 << p.columns }
func (p plan) invocations() int { return 256 << p.lanes }
func (p plan) span() int        { return p.invocations() >> p.rows * p.each() }

// mostSplits bounds the parts of a sum that a plan may ask for.
const mostSplits = 64

// parsePlan is the inverse of String.
func parsePlan(s string) (plan, error) {
	fault := fmt.Errorf("%q is no kernel variant", s)
	all := []plan{{}, {family: rowexp}}
	for tile := range gemmTiles {
		all = append(all, plan{family: gemm, tile: tile})
	}
	for _, p := range all {
		if p.String() == s {
			return p, nil
		}
	}
	var splits int
	text, last, found := strings.Cut(s, "splits=")
	if n, err := fmt.Sscanf(last, "%d", &splits); !found || err != nil || n != 1 || splits < 1 || splits > mostSplits {
		return plan{}, fault
	}
	for _, p := range expansions(splits) {
		if p.String() == s && strings.HasPrefix(s, text) {
			return p, nil
		}
	}
	return plan{}, fault
}

// expansions returns the variants of row expansion forward.
func expansions(splits int) []plan {
	var all []plan
	for i := range 8 {
		all = append(all, plan{family: rowexp, rows: i >> 2, columns: i >> 1 & 1, lanes: i & 1, splits: splits})
	}
	return all
}

// A kind is what an operation computes: plans differ by it.
type kind uint8

const (
	forward   kind = iota // sums of products of codes
	backwardW             // gradients through a table
	backwardX
	product // float32 products
	productW
	productX
)

var kindNames = [...]string{"forward", "backward-w", "backward-x", "product", "product-w", "product-x"}

// A class is a set of operations that run alike: of one kind, on tables of one
// width and storage, of shapes between the same powers of two.
type class struct {
	kind         kind
	storage      storage
	wBits, xBits uint8    // of codes
	shape        [5]uint8 // binary logarithms of groups, M, K, N and taps a channel, rounded up
}

// A storage says what table an operation reads.
type storage uint8

const (
	noTable     storage = iota
	narrow              // products of 16 bits
	wide                // products of 32
	fullInt16           // gradients
	fullFloat32         //
	factored            //
)

var storageNames = [...]string{"f32", "16-bit", "32-bit", "int16", "float32", "factored"}

// String formats a class as in "forward 8x8 16-bit 1x64x1024x4096/16".
func (c class) String() string {
	return fmt.Sprintf("%s %dx%d %s %dx%dx%dx%d/%d", kindNames[c.kind], c.wBits, c.xBits, storageNames[c.storage],
		1<<c.shape[0], 1<<c.shape[1], 1<<c.shape[2], 1<<c.shape[3], 1<<c.shape[4])
}

// parseClass is the inverse of String.
func parseClass(s string) (class, error) {
	var kindName, storageName string
	var c class
	var shape [5]uint64
	_, err := fmt.Sscanf(s, "%s %dx%d %s %dx%dx%dx%d/%d", &kindName, &c.wBits, &c.xBits, &storageName,
		&shape[0], &shape[1], &shape[2], &shape[3], &shape[4])
	for i, name := range kindNames {
		if name == kindName {
			c.kind = kind(i)
		}
	}
	for i, name := range storageNames {
		if name == storageName {
			c.storage = storage(i)
		}
	}
	for i, n := range shape {
		c.shape[i] = uint8(max(1, bits.Len64(n)) - 1)
	}
	if err != nil || c.String() != s {
		return class{}, fmt.Errorf("%q is no class of operations", s)
	}
	return c, nil
}

// classOf returns the class of an operation on groups of M×K×N products.
func classOf(k kind, s storage, w, x lut.Operand, d *backend.ConvDims) class {
	c := class{kind: k, storage: s, wBits: uint8(w.Bits), xBits: uint8(x.Bits)}
	for i, n := range [5]int{d.Groups, d.GroupOut, d.K, d.Batch * d.OH * d.OW, d.KH * d.KW} {
		c.shape[i] = uint8(bits.Len(uint(max(1, n) - 1)))
	}
	return c
}

// suits reports whether operations of class c can run by p.
func (p plan) suits(c class) bool {
	switch p.family {
	case rowexp:
		if c.kind == forward {
			return c.storage == narrow && p.splits > 0
		}
		return (c.storage == fullInt16 || c.storage == fullFloat32) && p.splits == 0
	case gemm:
		return c.storage == noTable || c.storage == factored
	}
	return true
}

// What row expansion needs to pay: rows and columns of a group's results.
const (
	expandRows    = 8
	expandColumns = 512
)

// results returns the rows and columns of the results of a product in tiles.
func (c class) results() (rows, columns int) {
	m, k, n, taps := 1<<c.shape[1], 1<<c.shape[2], 1<<c.shape[3], 1<<c.shape[4]
	switch c.kind {
	case productW, backwardW:
		return m, k
	case productX, backwardX:
		return max(1, k/taps), n
	}
	return m, n
}

// mostPadding is how many times the work that there is a product in tiles may
// do, in tiles that are not full, and still pay.
const mostPadding = 6

// tile returns the tile with the least padding, the largest of equals, and how
// many times the work that makes.
func (c class) tile() (tile int, padding float64) {
	rows, columns := c.results()
	for i, t := range gemmTiles {
		padded := float64(ceilDiv(rows, t.rows)*t.rows) * float64(ceilDiv(columns, t.columns)*t.columns) / float64(rows) / float64(columns)
		if i == 0 || padded < padding {
			tile, padding = i, padded
		}
	}
	return tile, padding
}

// standard returns the plan for operations of class c that were not measured.
// Also software renderers do better by it than by gather, on llvmpipe from five
// times on to twenty.
func (c class) standard() plan {
	m, n := 1<<c.shape[1], 1<<c.shape[3]
	switch c.storage {
	case narrow:
		if m < expandRows || n < expandColumns {
			break
		}
		p := plan{family: rowexp, splits: 1}
		if n >= 4*2048 {
			p.columns = 1
		}
		p.splits = c.splitsFor(p)
		return p
	case fullInt16, fullFloat32:
		if m >= expandRows && n >= expandColumns {
			return plan{family: rowexp}
		}
	case noTable, factored:
		if tile, padding := c.tile(); padding <= mostPadding {
			return plan{family: gemm, tile: tile}
		}
	}
	return plan{}
}

// enoughGroups is how many work groups fill any device: two for each of the
// 132 multiprocessors of the largest.
const enoughGroups = 264

// splitsFor returns the parts of sums with which p fills a device.
func (c class) splitsFor(p plan) int {
	groups, m, k, n := 1<<c.shape[0], 1<<c.shape[1], 1<<c.shape[2], 1<<c.shape[3]
	tiles := groups * ceilDiv(m, p.height()) * ceilDiv(n, p.span())
	splits := 1
	for splits < mostSplits && tiles*splits < enoughGroups && k/splits >= 128 {
		splits *= 2
	}
	return splits
}

// plans returns what may be best for operations of class c.
func (c class) plans() []plan {
	all := []plan{{}}
	m, n := 1<<c.shape[1], 1<<c.shape[3]
	switch c.storage {
	case narrow:
		if m < expandRows || n < expandColumns/2 {
			break
		}
		for _, p := range expansions(1) {
			p.splits = c.splitsFor(p)
			all = append(all, p)
		}
	case fullInt16, fullFloat32:
		if m >= expandRows && n >= expandColumns/4 {
			all = append(all, plan{family: rowexp})
		}
	case noTable, factored:
		if rows, columns := c.results(); rows*columns < 256 {
			break
		}
		for tile := range gemmTiles {
			all = append(all, plan{family: gemm, tile: tile})
		}
	}
	return all
}
