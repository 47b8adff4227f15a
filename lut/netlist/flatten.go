package netlist

import "sort"

// A flat circuit is a top with all instances unfolded: one space of nodes, the
// constants first.
type flat struct {
	top    *module
	nodes  int
	gates  []gate
	places []place // by ascending base
}

// A place is where the nodes of one instance lie: node n ≥ constants of the
// module is base + n − constants.
type place struct {
	module *module
	base   int32
}

func (p place) node(n node) node {
	if n < constants {
		return n
	}
	return p.base + n - constants
}

// flatten unfolds top. Its size, instances included, is within maxSize, for
// module.instantiate has counted it; its depth is within maxDepth.
func flatten(top *module) *flat {
	f := &flat{top: top, nodes: constants}
	f.place(top)
	return f
}

func (f *flat) place(m *module) place {
	p := place{m, int32(f.nodes)}
	f.places = append(f.places, p)
	f.nodes += len(m.drivenAt) - constants
	for _, g := range m.gates {
		f.gates = append(f.gates, gate{g.op, p.node(g.a), p.node(g.b), p.node(g.out), g.line})
	}
	for _, inst := range m.instances {
		q := f.place(inst.child)
		i := 0
		for _, port := range inst.child.inputs {
			for _, n := range port.nodes {
				if from := inst.in[i]; from != unconnected {
					f.gates = append(f.gates, gate{opBuf, p.node(from), p.node(from), q.node(n), 0}) // its line is in the user's file, its node in the child's
				}
				i++
			}
		}
		i = 0
		for _, port := range inst.child.outputs {
			for _, n := range port.nodes {
				if to := inst.out[i]; to != unconnected {
					f.gates = append(f.gates, gate{opBuf, q.node(n), q.node(n), p.node(to), inst.line})
				}
				i++
			}
		}
	}
	return p
}

// sorted returns the gates, each after those that drive its inputs. It fails
// if some gates form a loop.
func (f *flat) sorted() []gate {
	driver := make([]int32, f.nodes) // 1 + index of the gate that drives the node
	for i, g := range f.gates {
		driver[g.out] = int32(i) + 1
	}
	const (
		unseen = iota
		open   // on the stack, its inputs under way
		done
	)
	state := make([]uint8, len(f.gates))
	order := make([]gate, 0, len(f.gates))
	var stack []int32
	for root := range f.gates {
		stack = append(stack, int32(root))
		for len(stack) > 0 {
			i := stack[len(stack)-1]
			g := f.gates[i]
			if state[i] != unseen {
				stack = stack[:len(stack)-1]
				if state[i] == open {
					state[i] = done
					order = append(order, g)
				}
				continue
			}
			state[i] = open
			for _, n := range [2]node{g.a, g.b} {
				d := driver[n] - 1
				if d < 0 || state[d] == done {
					continue
				}
				if state[d] == open {
					var loop []gate
					for _, e := range stack[lastIndex(stack, d):] {
						if state[e] == open {
							loop = append(loop, f.gates[e])
						}
					}
					f.failLoop(loop)
				}
				stack = append(stack, d)
			}
		}
	}
	return order
}

// failLoop names a net of the loop that gates, the path of a search from its
// first to its last gate, closes.
func (f *flat) failLoop(loop []gate) {
	for _, g := range loop {
		if g.line == 0 {
			continue
		}
		if m, name := f.owner(g.out); name != "" {
			fail(m.path, int(g.line), "combinational loop through net %s of %s", name, show(m.name))
		}
	}
	fail(f.top.path, f.top.line, "combinational loop in %s", show(f.top.name))
}

// owner returns the module that a node belongs to and the node's name in it.
func (f *flat) owner(n node) (*module, string) {
	i := sort.Search(len(f.places), func(i int) bool { return f.places[i].base > n }) - 1
	p := f.places[i]
	return p.module, p.module.nodeName(n - p.base + constants)
}

// lastIndex returns the place of the last v in s, which holds it.
func lastIndex(s []int32, v int32) int {
	for i := len(s) - 1; ; i-- {
		if s[i] == v {
			return i
		}
	}
}
