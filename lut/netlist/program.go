package netlist

// A program computes the product of a circuit in a straight line. Registers 0
// and 1 hold the constants, the next ones the bits of the first operand and of
// the second, least significant first, and each instruction fills the next.
type program struct {
	first, second int // bits of the operands
	code          []instruction
	outputs       []int32 // registers of the product's bits
}

// An instruction is op on two registers; opBuf does not occur.
type instruction struct {
	op   op
	a, b int32
}

// compile turns the flat circuit of a top with two inputs and one output into
// a program: constants are folded, buffers and double inversions vanish, and
// what no output depends on is left out. Nodes that nothing drives are 0.
func compile(f *flat) *program {
	first, second, product := f.top.inputs[0].nodes, f.top.inputs[1].nodes, f.top.outputs[0].nodes
	order := f.sorted()
	p := &program{first: len(first), second: len(second)}
	value := make([]int32, f.nodes) // register of each node; 0 is false
	value[one] = 1
	root := f.places[0]
	r := int32(constants)
	for _, operand := range [2][]node{first, second} {
		for _, n := range operand {
			value[root.node(n)] = r
			r++
		}
	}
	for _, g := range order {
		value[g.out] = p.emit(g.op, value[g.a], value[g.b])
	}
	for _, n := range product {
		p.outputs = append(p.outputs, value[root.node(n)])
	}
	p.strip()
	return p
}

// base is the register of the first instruction.
func (p *program) base() int32 { return int32(constants + p.first + p.second) }

// emit returns a register that holds op(a, b): one that is there, or that of a
// new instruction.
func (p *program) emit(op op, a, b int32) int32 {
	if a > b {
		a, b = b, a // so that a constant is a
	}
	switch op {
	case opBuf:
		return a
	case opNot:
		if a < constants {
			return 1 - a
		}
		if i := a - p.base(); i >= 0 && p.code[i].op == opNot {
			return p.code[i].a
		}
	case opAnd:
		switch {
		case a == zero:
			return zero
		case a == one, a == b:
			return b
		}
	case opOr:
		switch {
		case a == one:
			return one
		case a == zero, a == b:
			return b
		}
	case opXor:
		switch {
		case a == zero:
			return b
		case a == b:
			return zero
		case a == one:
			return p.emit(opNot, b, b)
		}
	}
	p.code = append(p.code, instruction{op, a, b})
	return p.base() + int32(len(p.code)) - 1
}

// strip drops the instructions that no output depends on.
func (p *program) strip() {
	base := p.base()
	live := make([]bool, len(p.code))
	mark := func(r int32) {
		if r >= base {
			live[r-base] = true
		}
	}
	for _, r := range p.outputs {
		mark(r)
	}
	for i := len(p.code) - 1; i >= 0; i-- {
		if live[i] {
			mark(p.code[i].a)
			mark(p.code[i].b)
		}
	}
	moved := make([]int32, len(p.code))
	at := func(r int32) int32 {
		if r >= base {
			return moved[r-base]
		}
		return r
	}
	kept := p.code[:0]
	for i, in := range p.code {
		if live[i] {
			moved[i] = base + int32(len(kept))
			kept = append(kept, instruction{in.op, at(in.a), at(in.b)})
		}
	}
	p.code = kept
	for i, r := range p.outputs {
		p.outputs[i] = at(r)
	}
}

// A word holds one bit of 64 pairs, a lane of words what an instruction
// computes at a time.
const (
	laneWords = 8
	lanePairs = 64 * laneWords
)

type lane [laneWords]uint64

// places are the values of the six lowest bits of the pair's number in a word.
var places = [6]uint64{
	0xAAAAAAAAAAAAAAAA,
	0xCCCCCCCCCCCCCCCC,
	0xF0F0F0F0F0F0F0F0,
	0xFF00FF00FF00FF00,
	0xFFFF0000FFFF0000,
	0xFFFFFFFF00000000,
}

// placeBit returns bit j of the pairs' numbers in the lane that begins with
// pair start.
func placeBit(start, j int) lane {
	var l lane
	for i := range l {
		switch {
		case j < len(places):
			l[i] = places[j]
		case (start+64*i)>>j&1 != 0:
			l[i] = ^uint64(0)
		}
	}
	return l
}

// run computes all products and hands them to visit in runs of consecutive
// pairs, numbered first<<bits(second) | second. visit must not keep products.
func (p *program) run(visit func(start int, products []uint32)) {
	pairs := 1 << (p.first + p.second)
	regs := make([]lane, int(p.base())+len(p.code))
	for i := range regs[one] {
		regs[one][i] = ^uint64(0)
	}
	products := make([]uint32, lanePairs)
	for start := 0; start < pairs; start += lanePairs {
		for j := range p.first + p.second {
			at := constants + p.first + j // the second operand is the low half of the number
			if j >= p.second {
				at = constants + j - p.second
			}
			if start == 0 || j >= 9 { // below, the lanes are all alike: 2⁹ pairs
				regs[at] = placeBit(start, j)
			}
		}
		p.step(regs)
		for i := range laneWords {
			p.gather(products[64*i:][:64], regs, i)
		}
		visit(start, products[:min(lanePairs, pairs-start)])
	}
}

// step executes the program on one lane.
func (p *program) step(regs []lane) {
	out := regs[p.base():]
	for i, in := range p.code {
		a, b, y := &regs[in.a], &regs[in.b], &out[i]
		switch in.op {
		case opNot:
			for k := range y {
				y[k] = ^a[k]
			}
		case opAnd:
			for k := range y {
				y[k] = a[k] & b[k]
			}
		case opOr:
			for k := range y {
				y[k] = a[k] | b[k]
			}
		case opXor:
			for k := range y {
				y[k] = a[k] ^ b[k]
			}
		}
	}
}

// gather turns word i of the product's bits into the 64 products, which are at
// most 32 bits wide: two transpositions of 32×32 bits side by side, by swapping
// ever smaller off-diagonal blocks (Warren, Hacker's Delight, 7-3).
func (p *program) gather(products []uint32, regs []lane, i int) {
	var m [32]uint64
	for bit, r := range p.outputs {
		m[bit] = regs[r][i]
	}
	mask := uint64(0x0000FFFF0000FFFF)
	for j := 16; j != 0; j >>= 1 {
		for k := 0; k < 32; k = (k + j + 1) &^ j {
			t := (m[k]>>j ^ m[k+j]) & mask
			m[k+j] ^= t
			m[k] ^= t << j
		}
		mask ^= mask << (j >> 1)
	}
	for k, row := range m {
		products[k], products[32+k] = uint32(row), uint32(row>>32)
	}
}
