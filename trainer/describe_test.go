package trainer

import (
	"context"
	"slices"
	"testing"

	"gputrain/cpuref"
	"gputrain/model/backend"
)

// A counter is a backend that counts the bytes of its tensors.
type counter struct {
	backend.Backend
	bytes int64
}

func (c *counter) NewTensor(dt backend.DType, s backend.Shape) backend.Tensor {
	c.bytes += int64(dt.Size()) * int64(s.Len())
	return c.Backend.NewTensor(dt, s)
}

// TestDescribe compares what a plan says that a run takes with what it takes.
func TestDescribe(t *testing.T) {
	images := writeImages(t)
	for name, r := range map[string]*Recipe{"plain": plainRecipe(images), "all": everything(images)} {
		p := planFor(t, r)
		d, err := p.Describe(nil)
		if err != nil {
			t.Fatal(err)
		}
		c := &counter{Backend: cpuref.New()}
		s, err := newSession(c, p, Options{})
		if err != nil {
			t.Fatal(err)
		}
		s.close()
		var total int64
		for _, n := range d.Bytes {
			total += n
		}
		host := d.Bytes["tables"] + d.Bytes["images"] + d.Bytes["batches"] + d.Bytes["checkpoint"]
		spare := int64(0)
		if r.Train.ClipNorm > 0 {
			spare = 4 // the norm
		}
		if total != d.TotalBytes || total-host+spare != c.bytes {
			t.Errorf("%s: %v, in all %d, but for the host and tables %d; a run makes tensors of %d bytes", name, d.Bytes, d.TotalBytes, total-host, c.bytes)
		}
		if want := int64((testTrainImages + testTestImages) * (testEdge*testEdge + 4)); d.Bytes["images"] != want {
			t.Errorf("%s: images take %d bytes, want %d", name, d.Bytes["images"], want)
		}
		if want := int64(2 * 4 * r.Train.Batch * (testEdge*testEdge + 1)); d.Bytes["batches"] != want {
			t.Errorf("%s: batches take %d bytes, want %d", name, d.Bytes["batches"], want)
		}
	}
}

// TestLayerUses looks at what the layers of a plan compute with.
func TestLayerUses(t *testing.T) {
	r, err := parse(`
model: {name: lenet5}
data: {name: synthetic, train_images: 8, test_images: 2}
multiplier: {default: "trunc:6u,cols=4", ends: exact, layers: {fc1: float}}
gradient: {method: lut2d, hws: 2, layers: {"conv*": ste, conv2: {method: lut1d, hws: 3}}}
train: {batch: 4}
`)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Prepare(context.Background(), r, Pretrain, nil)
	if err != nil {
		t.Fatal(err)
	}
	const rm4 = "trunc:6u,cols=4"
	want := []LayerUse{{"conv1", "exact", "ste", 0}, {"conv2", rm4, "lut1d", 3}, {"fc1", "float", "", 0}, {"fc2", rm4, "lut2d", 2}, {"fc3", "exact", "ste", 0}}
	if !slices.Equal(p.Layers, want) {
		t.Errorf("layers %+v, want %+v", p.Layers, want)
	}
	d, err := p.Describe(nil)
	if err != nil {
		t.Fatal(err)
	}
	i := 0
	for _, l := range d.Layers {
		if l.Multiplier != "" {
			if l.Name != want[i].Layer || l.Multiplier != want[i].Multiplier {
				t.Errorf("%s computes with %s, want %+v", l.Name, l.Multiplier, want[i])
			}
			i++
		}
	}
	// What the network is given is what the estimators make.
	table := p.Config.Default.Table
	for _, rule := range p.Config.Rules {
		e := map[string]Estimator{"conv2": {Method: "lut1d", Reading: "mean", HWS: 3}, "fc2": {Method: "lut2d", HWS: 2, Boundary: "paper"}}[rule.Pattern]
		if e.Method == "" {
			continue
		}
		g, _, err := gradientsOf(e, table, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, u, v := g.DW.Factors()
		_, gotU, gotV := rule.Multiplier.Gradients.DW.Factors()
		if !slices.Equal(u, gotU) || !slices.Equal(v, gotV) || !slices.Equal(g.DW.Values(), rule.Multiplier.Gradients.DW.Values()) {
			t.Errorf("%s has other gradients than those of %+v", rule.Pattern, e)
		}
	}

	for _, tt := range []struct{ rule, want string }{
		{"conv9: ste", `r.yaml:6:28: gradient.layers.conv9: matches none of conv1, conv2, fc1, fc2, fc3`},
		{"conv2: table", "r.yaml:6:28: gradient.layers.conv2: of trunc:6u,cols=4: no file with both gradients; name one by gradient.file"},
	} {
		r, err := parse(`
model: {name: lenet5}
data: {name: synthetic, train_images: 8, test_images: 2}
multiplier: {default: "trunc:6u,cols=4"}
train: {batch: 4}
gradient: {layers: {` + tt.rule + `}}
`)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Prepare(context.Background(), r, Pretrain, nil); err == nil || !IsInput(err) || err.Error() != tt.want {
			t.Errorf("error %v, want %s", err, tt.want)
		}
	}
}
