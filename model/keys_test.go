package model

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"gputrain/model/backend"
)

// publishedNetwork is a state dict of testdata/keys.
type publishedNetwork struct {
	name   string
	params int64
	keys   []string // "TENSOR DIMENSIONS"
}

func readKeys(t *testing.T, file string) []publishedNetwork {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var list []publishedNetwork
	for s := bufio.NewScanner(z); s.Scan(); {
		if header, ok := strings.CutPrefix(s.Text(), "# "); ok {
			var p publishedNetwork
			if _, err := fmt.Sscan(header, &p.name, &p.params); err != nil {
				t.Fatal(err)
			}
			list = append(list, p)
			continue
		}
		p := &list[len(list)-1]
		p.keys = append(p.keys, s.Text())
	}
	return list
}

// keysOf returns the names and shapes of a network's state, as readKeys does.
func keysOf(n *Network) []string {
	var keys []string
	for _, e := range n.state {
		dims := strings.Trim(fmt.Sprint([]int(e.shape)), "[]")
		keys = append(keys, strings.TrimSpace(e.name+" "+dims))
	}
	return keys
}

// TestTorchvisionKeys compares parameters, names, shapes and their order with
// torchvision's, and products with the "GFLOPS" of its documentation, which
// counts multiplications with accumulation.
func TestTorchvisionKeys(t *testing.T) {
	gmacs := map[string]float64{
		"vgg11": 7.61, "vgg13": 11.31, "vgg16": 15.47, "vgg19": 19.63,
		"vgg11_bn": 7.61, "vgg13_bn": 11.31, "vgg16_bn": 15.47, "vgg19_bn": 19.63,
		"resnet18": 1.81, "resnet34": 3.66, "resnet50": 4.09, "mobilenet_v2": 0.30,
	}
	published := map[string]int64{ // in its documentation
		"vgg11": 132863336, "vgg13": 133047848, "vgg16": 138357544, "vgg19": 143667240,
		"vgg11_bn": 132868840, "vgg13_bn": 133053736, "vgg16_bn": 138365992, "vgg19_bn": 143678248,
		"resnet18": 11689512, "resnet34": 21797672, "resnet50": 25557032, "mobilenet_v2": 3504872,
	}
	networks := readKeys(t, "testdata/keys/torchvision.txt.gz")
	if len(networks) != len(published) {
		t.Fatalf("%d networks, want %d", len(networks), len(published))
	}
	for _, want := range networks {
		n := mustBuild(t, paper{}, Config{Name: want.name, Input: [3]int{3, 224, 224}, Classes: 1000, Batch: 1})
		s := n.Summary()
		if s.Params != want.params || want.params != published[want.name] {
			t.Errorf("%s: %d parameters, want %d, published %d", want.name, s.Params, want.params, published[want.name])
		}
		if g := float64(s.MACs) / 1e9; math.Abs(g-gmacs[want.name]) > 0.0051 {
			t.Errorf("%s: %.3f GMACs, published %.2f", want.name, g, gmacs[want.name])
		}
		if s.Stem != StemImageNet {
			t.Errorf("%s: stem %q on images of 224×224", want.name, s.Stem)
		}
		if got := keysOf(n); !slices.Equal(got, want.keys) {
			for i, k := range want.keys {
				if i >= len(got) || got[i] != k {
					t.Errorf("%s: tensor %d of %d is %q, want %q", want.name, i, len(got), slices.Concat(got, []string{""})[min(i, len(got))], k)
					break
				}
			}
			if len(got) != len(want.keys) {
				t.Errorf("%s: %d tensors, want %d", want.name, len(got), len(want.keys))
			}
		}
	}
}

// TestStems looks at the small forms: their parameters by the published ones
// less what the stem changes, and the shape that their convolutions leave.
func TestStems(t *testing.T) {
	for _, tt := range []struct {
		name, stem string
		input      [3]int
		classes    int
		want       string
		params     int64
		before     string        // layer whose output is checked
		shape      backend.Shape // of a batch of 2
	}{
		// 3·64·(49−9) fewer in conv1, 990·512+990 fewer in fc
		{"resnet18", "", [3]int{3, 32, 32}, 10, StemCIFAR, 11689512 - 7680 - 990*513, "layer4.1.relu2", backend.Shape{2, 512, 4, 4}},
		{"resnet34", "", [3]int{3, 32, 32}, 10, StemCIFAR, 21797672 - 7680 - 990*513, "layer4.2.relu2", backend.Shape{2, 512, 4, 4}},
		{"resnet50", "", [3]int{3, 32, 32}, 10, StemCIFAR, 25557032 - 7680 - 990*2049, "layer4.2.relu3", backend.Shape{2, 2048, 4, 4}},
		{"resnet18", "", [3]int{3, 64, 64}, 1000, StemImageNet, 11689512, "layer4.1.relu2", backend.Shape{2, 512, 2, 2}},
		{"resnet18", StemImageNet, [3]int{3, 32, 32}, 1000, StemImageNet, 11689512, "layer4.1.relu2", backend.Shape{2, 512, 1, 1}},
		{"resnet18", StemCIFAR, [3]int{3, 64, 64}, 1000, StemCIFAR, 11689512 - 7680, "layer4.1.relu2", backend.Shape{2, 512, 8, 8}},
		// less the classifier of 25088·4096+4096 + 4096·4096+4096 + 4096·1000+1000
		{"vgg19_bn", "", [3]int{3, 32, 32}, 10, StemCIFAR, 143678248 - 25089*4096 - 4097*4096 - 4097*1000 + 5130, "features.52", backend.Shape{2, 512, 1, 1}},
		{"vgg11", "", [3]int{3, 32, 64}, 10, StemCIFAR, 132863336 - 25089*4096 - 4097*4096 - 4097*1000 + 5130, "avgpool", backend.Shape{2, 512, 1, 1}},
		{"vgg11", StemImageNet, [3]int{3, 32, 32}, 1000, StemImageNet, 132863336, "avgpool", backend.Shape{2, 512, 7, 7}},
		{"vgg11", "", [3]int{3, 448, 448}, 1000, StemImageNet, 132863336, "avgpool", backend.Shape{2, 512, 7, 7}},
		{"mobilenet_v2", "", [3]int{3, 32, 32}, 10, StemCIFAR, 3504872 - 990*1281, "features.18.2", backend.Shape{2, 1280, 4, 4}},
		{"mobilenet_v2", "", [3]int{3, 224, 224}, 1000, StemImageNet, 3504872, "features.18.2", backend.Shape{2, 1280, 7, 7}},
		// He et al.'s table 6 has 0.46 and 0.85 million, shortcuts without parameters:
		// 1×1 convolutions of 16·32 and 32·64 with their norms are 2752 more.
		{"resnet32", "", [3]int{3, 32, 32}, 10, "", 464154 + 2752, "layer3.4.relu2", backend.Shape{2, 64, 8, 8}},
		{"resnet56", "", [3]int{3, 32, 32}, 10, "", 853018 + 2752, "layer3.8.relu2", backend.Shape{2, 64, 8, 8}},
	} {
		s, err := Describe(Config{Name: tt.name, Stem: tt.stem, Input: tt.input, Classes: tt.classes, Batch: 2})
		if err != nil {
			t.Error(err)
			continue
		}
		if s.Stem != tt.want || s.Params != tt.params {
			t.Errorf("%s %v stem %q: stem %q, %d parameters, want %q, %d", tt.name, tt.input, tt.stem, s.Stem, s.Params, tt.want, tt.params)
		}
		i := slices.IndexFunc(s.Layers, func(l LayerSummary) bool { return l.Name == tt.before })
		if i < 0 || !s.Layers[i].Output.Equal(tt.shape) {
			t.Errorf("%s %v stem %q: %s is not %v in %+v", tt.name, tt.input, tt.stem, tt.before, tt.shape, s.Layers)
		}
	}
	for _, tt := range []struct {
		c    Config
		want []string
	}{
		{Config{Name: "resnet18", Stem: "cifar10"}, []string{"resnet18", `"cifar10"`, "cifar or imagenet"}},
		{Config{Name: "resnet20", Stem: StemCIFAR}, []string{"resnet20", `"cifar"`, "no stems"}},
		{Config{Name: "vgg11"}, []string{"avgpool", "2×2", "7×7", `"cifar"`}},
		{Config{Name: "vgg11", Input: [3]int{3, 28, 28}}, []string{"features.20", "pooling"}},
	} {
		tt.c.Classes, tt.c.Batch = 10, 1
		if tt.c.Input[0] == 0 {
			tt.c.Input = [3]int{3, 64, 64}
		}
		_, err := Describe(tt.c)
		wantError(t, err, append(tt.want, "model: ")...)
	}
}
