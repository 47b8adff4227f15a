package netlist

import (
	"fmt"
	"sort"
)

// An op is what a gate computes of its inputs a and b.
type op uint8

const (
	opBuf op = iota // a
	opNot           // ¬a
	opAnd           // a ∧ b
	opOr            // a ∨ b
	opXor           // a ⊕ b
)

// A node is a wire of one bit, numbered within its module. The first two are
// constants; unconnected is no node at all.
type node = int32

const (
	unconnected node = -1
	zero        node = 0
	one         node = 1
	constants        = 2 // number of constant nodes
)

// A gate drives the node out. Buffers and inverters have b = a.
type gate struct {
	op        op
	a, b, out node
	line      int32
}

// A port is an input or output of a module, least significant bit first.
type port struct {
	name   string
	signed bool
	nodes  []node
}

// A net is a name for consecutive nodes.
type net struct {
	name   string
	base   node
	bit    func(i int) string // name of node base+i; nil for a net of one bit without an index
	line   int32
	length int32
}

// An instance is a use of a module in another. in and out are the nodes of the
// user at the child's inputs and outputs, all ports in a row.
type instance struct {
	child   *module
	in, out []node
	line    int32
}

// A module is a circuit of a file, reduced to nodes, gates and instances.
type module struct {
	name, path string
	line       int
	inputs     []port
	outputs    []port

	nets      []net // by ascending base; the nodes between them have no name
	drivenAt  []int32
	readAt    []int32 // line of the driver and of a reader of each node, 0 if none
	gates     []gate
	instances []instance

	size int // of this module alone, then with its instances: see maxSize
}

func newModule(name, path string, line int) *module {
	at := int32(line)
	return &module{name: name, path: path, line: line, drivenAt: []int32{at, at}, readAt: []int32{0, 0}}
}

// fail abandons the module.
func (m *module) fail(line int32, format string, args ...any) {
	fail(m.path, int(line), format, args...)
}

// spend counts n nodes, gates or connections against the size of the module.
func (m *module) spend(n int, line int32) {
	if m.size += n; m.size > maxSize {
		m.fail(line, "%s has more than %d nodes, gates and connections", show(m.name), maxSize)
	}
}

// addNet makes the nodes of a net. bit names them, nil if the net has one and
// no index.
func (m *module) addNet(name string, length int, bit func(i int) string, line int32) net {
	m.spend(length, line)
	n := net{name: name, base: node(len(m.drivenAt)), bit: bit, line: line, length: int32(length)}
	m.nets = append(m.nets, n)
	m.drivenAt = append(m.drivenAt, make([]int32, length)...)
	m.readAt = append(m.readAt, make([]int32, length)...)
	return n
}

// nodeName names a node for a message; empty if it has no name.
func (m *module) nodeName(n node) string {
	i := sort.Search(len(m.nets), func(i int) bool { return m.nets[i].base > n }) - 1
	if i < 0 || n >= m.nets[i].base+m.nets[i].length {
		return ""
	}
	if m.nets[i].bit == nil {
		return show(m.nets[i].name)
	}
	return show(m.nets[i].name) + m.nets[i].bit(int(n-m.nets[i].base))
}

// gate adds a gate and returns the new node that it drives.
func (m *module) gate(op op, a, b node, line int32) node {
	m.spend(2, line)
	out := node(len(m.drivenAt))
	m.drivenAt = append(m.drivenAt, line)
	m.readAt = append(m.readAt, 0)
	m.readAt[a], m.readAt[b] = line, line
	m.gates = append(m.gates, gate{op, a, b, out, line})
	return out
}

// drive notes that something on the given line drives n. A net has one driver.
func (m *module) drive(n node, line int32) {
	if first := m.drivenAt[n]; first != 0 {
		m.fail(line, "net %s of %s is driven twice, first on line %d", m.nodeName(n), show(m.name), first)
	}
	m.drivenAt[n] = line
}

// assign makes n follow the node a.
func (m *module) assign(n, a node, line int32) {
	m.spend(1, line)
	m.drive(n, line)
	m.readAt[a] = line
	m.gates = append(m.gates, gate{opBuf, a, a, n, line})
}

// instantiate adds an instance of child, which is complete. Inputs that the
// child reads must be connected.
func (m *module) instantiate(child *module, in, out []node, line int32) {
	m.spend(1+len(in)+len(out)+child.size, line)
	for _, n := range in {
		if n != unconnected {
			m.readAt[n] = line
		}
	}
	for _, n := range out {
		if n != unconnected {
			m.drive(n, line)
		}
	}
	m.instances = append(m.instances, instance{child, in, out, line})
}

// readOutputs counts the outputs as read: by whoever uses the module.
func (m *module) readOutputs() {
	for _, p := range m.outputs {
		for _, n := range p.nodes {
			m.readAt[n] = int32(m.line)
		}
	}
}

// undriven returns the nodes that are read and not driven.
func (m *module) undriven() []node {
	var list []node
	for n := range m.readAt {
		if m.readAt[n] != 0 && m.drivenAt[n] == 0 {
			list = append(list, node(n))
		}
	}
	return list
}

// totalBits is the number of nodes of some ports.
func totalBits(ports []port) int {
	n := 0
	for _, p := range ports {
		n += len(p.nodes)
	}
	return n
}

// describe lists ports for a message, as in "A[8], B[8], cin[1]".
func describe(ports []port) string {
	const most = 6
	s := ""
	for i, p := range ports {
		if i == most {
			return s + ", …"
		}
		if i > 0 {
			s += ", "
		}
		s += fmt.Sprintf("%s (%d bits)", show(p.name), len(p.nodes))
	}
	if s == "" {
		return "none"
	}
	return s
}
