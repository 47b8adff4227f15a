package model

import (
	"fmt"
	"path"
	"strings"

	"gputrain/model/backend"
)

// A builder plans a network from images x [N, C, H, W] to logits [N, classes].
type builder func(p *planner, x *value, classes int) *value

var networks = []struct {
	name  string
	build builder
}{
	{"lenet5", lenet5},
	{"mlp", mlp},
	{"resnet8", cifarResNet(1)},
	{"resnet20", cifarResNet(3)},
	{"resnet32", cifarResNet(5)},
	{"resnet56", cifarResNet(9)},
	{"resnet18", resNet((*planner).residual, 2, 2, 2, 2)},
	{"resnet34", resNet((*planner).residual, 3, 4, 6, 3)},
	{"resnet50", resNet((*planner).bottleneck, 3, 4, 6, 3)},
	{"vgg11", vgg(vgg11, false)},
	{"vgg13", vgg(vgg13, false)},
	{"vgg16", vgg(vgg16, false)},
	{"vgg19", vgg(vgg19, false)},
	{"vgg11_bn", vgg(vgg11, true)},
	{"vgg13_bn", vgg(vgg13, true)},
	{"vgg16_bn", vgg(vgg16, true)},
	{"vgg19_bn", vgg(vgg19, true)},
	{"mobilenet_v2", mobileNetV2},
	{"vit_cifar", cifarTransformer.build},
	{"vit_tiny_patch16_224", imageNet(16, 192, timmNames).build},
	{"vit_small_patch16_224", imageNet(16, 384, timmNames).build},
	{"vit_base_patch16_224", imageNet(16, 768, timmNames).build},
	{"deit_tiny_patch16_224", imageNet(16, 192, timmNames).build},
	{"deit_small_patch16_224", imageNet(16, 384, timmNames).build},
	{"deit_base_patch16_224", imageNet(16, 768, timmNames).build},
	{"vit_b_16", imageNet(16, 768, torchvisionNames).build},
	{"vit_b_32", imageNet(32, 768, torchvisionNames).build},
}

// Names returns the names of the networks that [Build] knows.
func Names() []string {
	var names []string
	for _, n := range networks {
		names = append(names, n.name)
	}
	return names
}

// A Network is a network built for a batch of fixed shape.
type Network struct {
	store
	config Config
	layers []layer
	steps  []backwardStep

	input, labels, mixed, logits, dlogits *value
	stats                                 backend.Tensor
	loss                                  Loss // the last

	summary Summary
}

// Build plans the network of c and makes its tensors in b. It returns an error
// that names the layer if a shape does not fit, a sum of products is too long
// for int32, or a rule matches no layer, and then has made none.
func Build(b backend.Backend, c Config) (*Network, error) { return build(b, c, true) }

// build is Build; without share no two values occupy the same memory.
func build(b backend.Backend, c Config, share bool) (*Network, error) {
	p, n, err := plan(b, c)
	if err != nil {
		return nil, err
	}
	n.allocate(p, share)
	if err := b.Sync(); err != nil { // a backend without the memory is broken now
		n.Close()
		return nil, fmt.Errorf("model: %s: %w", c.Name, err)
	}
	return n, nil
}

// plan lays out the network without making a tensor.
func plan(b backend.Backend, c Config) (*planner, *Network, error) {
	construct, err := c.check()
	if err != nil {
		return nil, nil, err
	}
	return planOf(construct, b, c)
}

// planOf is plan of the network that construct builds, whatever its name.
func planOf(construct builder, b backend.Backend, c Config) (*planner, *Network, error) {
	p := &planner{b: b, config: c, matched: make([]bool, len(c.Rules))}
	if c.Ends != nil {
		p.ends = endsOf(construct, b, c)
	}
	n := &Network{config: c}
	n.input = p.value("input", backend.F32, backend.Shape{c.Batch, c.Input[0], c.Input[1], c.Input[2]})
	n.labels = p.value("labels", backend.I32, backend.Shape{c.Batch})
	n.mixed = p.value("labels", backend.I32, backend.Shape{c.Batch})
	for _, v := range []*value{n.input, n.labels, n.mixed} {
		p.keep(v)
	}
	n.logits = construct(p, n.input, c.Classes)
	p.checkStem()
	if p.err != nil {
		return nil, nil, p.err
	}
	if err := p.checkRules(); err != nil {
		return nil, nil, err
	}
	p.keep(n.logits.root())

	n.dlogits = p.value("loss", backend.F32, n.logits.shape)
	p.split = p.events
	p.event(n.logits, n.labels, n.mixed, n.dlogits)
	p.contribute("loss", n.logits, n.dlogits)
	for i := len(p.layers) - 1; i >= 0; i-- {
		p.layers[i].differentiate(p)
	}
	if p.err != nil {
		return nil, nil, p.err
	}
	n.layers, n.steps = p.layers, p.steps
	n.store = store{b: b, seed: c.Seed, tables: make(map[tablesKey]backend.Tables), bytes: make(map[string]int64)}
	return p, n, nil
}

// endsOf returns the names of the first and the last layer with products. Which
// they are is known only when all layers are, and it does not depend on
// multipliers; so they are all planned once in float32. A fault of theirs shows
// again in the plan that counts.
func endsOf(construct builder, b backend.Backend, c Config) []string {
	c.Default, c.Linear, c.Ends, c.Rules = Float(), nil, nil, nil
	p := &planner{b: b, config: c}
	construct(p, p.value("input", backend.F32, backend.Shape{c.Batch, c.Input[0], c.Input[1], c.Input[2]}), c.Classes)
	names := p.withProducts()
	if p.err != nil || len(names) == 0 {
		return nil
	}
	return []string{names[0], names[len(names)-1]}
}

// withProducts returns the names of the layers that have a multiplier.
func (p *planner) withProducts() []string {
	var names []string
	for _, l := range p.layers {
		if c := l.info(); c.multiplier != "" {
			names = append(names, c.name)
		}
	}
	return names
}

// check reports what is wrong with c before a layer is planned.
func (c Config) check() (builder, error) {
	var found builder
	for _, n := range networks {
		if n.name == c.Name {
			found = n.build
		}
	}
	if found == nil {
		return nil, fmt.Errorf("model: no network is called %q, want one of %s", c.Name, strings.Join(Names(), ", "))
	}
	for i, what := range []string{"channels", "rows", "columns"} {
		if c.Input[i] < 1 {
			return nil, fmt.Errorf("model: %s: images of %d %s, want at least 1", c.Name, c.Input[i], what)
		}
	}
	if c.Classes < 1 {
		return nil, fmt.Errorf("model: %s: %d classes, want at least 1", c.Name, c.Classes)
	}
	if c.Batch < 1 {
		return nil, fmt.Errorf("model: %s: batch of %d, want at least 1", c.Name, c.Batch)
	}
	switch c.Stem {
	case "", StemCIFAR, StemImageNet:
	default:
		return nil, fmt.Errorf("model: %s: stem %q, want %s or %s", c.Name, c.Stem, StemCIFAR, StemImageNet)
	}
	if err := c.Quantization.validate(); err != nil {
		return nil, fmt.Errorf("model: quantization: %w", err)
	}
	for _, r := range c.Rules {
		if _, err := path.Match(r.Pattern, ""); err != nil {
			return nil, fmt.Errorf("model: layer pattern %q: %w", r.Pattern, err)
		}
	}
	return found, nil
}

// checkRules reports a rule that matches no layer with products.
func (p *planner) checkRules() error {
	for i, r := range p.config.Rules {
		if p.matched[i] {
			continue
		}
		return fmt.Errorf("model: %s: layer pattern %q matches none of %s", p.config.Name, r.Pattern, strings.Join(p.withProducts(), ", "))
	}
	return nil
}

// allocate makes the tensors of the layers, then those of the plan.
func (n *Network) allocate(p *planner, share bool) {
	for _, l := range n.layers {
		before := len(n.params)
		l.allocate(&n.store)
		c := l.info()
		s := LayerSummary{Name: c.name, Kind: c.kind, Output: c.y.shape, MACs: c.macs, Multiplier: c.multiplier, Roles: c.roles}
		for _, q := range n.params[before:] {
			s.Params += int64(q.Shape.Len())
		}
		n.summary.Layers = append(n.summary.Layers, s)
		n.summary.Params += s.Params
		n.summary.MACs += s.MACs
	}
	n.host = nil
	n.stats = n.tensor("activations", backend.F32, backend.Shape{3})
	p.allocate(share, func(backward bool, dt backend.DType, s backend.Shape) backend.Tensor {
		if backward {
			return n.tensor("workspace", dt, s)
		}
		if dt == backend.U8 {
			return n.tensor("codes", dt, s)
		}
		return n.tensor("activations", dt, s)
	})
	if b, ok := n.b.(backend.Scratching); ok {
		b.Reserve(p.largest())
	}
	n.summary.Stem = p.chosen
	n.summary.Bytes = n.bytes
	for _, v := range n.bytes {
		n.summary.TotalBytes += v
	}
}
