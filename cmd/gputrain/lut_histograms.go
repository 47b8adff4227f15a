package main

import (
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"gputrain/lut"
)

// histogramFlags name recorded operands that weight what a command does.
type histogramFlags struct {
	path, layer string
}

func (h *histogramFlags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&h.path, "histograms", "", "weight by the operands in `FILE`, of eval --histograms: of the layers that computed with this multiplier, or else of all that have its operands")
	f.StringVar(&h.layer, "layer", "", "of --histograms, take the layers `NAME` alone; globs such as layer1.* are allowed")
}

// load returns the histograms of the operands of t, nil if none are named.
func (h *histogramFlags) load(t *lut.Table) (hw, hx []float64, err error) {
	if h.path == "" {
		if h.layer != "" {
			return nil, nil, usagef("--layer %s needs --histograms, of which it chooses", shown(h.layer))
		}
		return nil, nil, nil
	}
	all, _, err := lut.LoadHistograms(h.path)
	if err != nil {
		return nil, nil, err
	}
	return all.For(t, h.layer)
}

// layerErrorJSON is what a multiplier does to a layer, in the document of lut
// info --histograms.
type layerErrorJSON struct {
	Layer     string        `json:"layer"`
	K         int           `json:"k"`
	WMED      float64       `json:"wmed"` // of one product, under the layer's operands
	Bias      float64       `json:"bias"`
	Predicted lut.SumError  `json:"predicted"`          // of a sum of K products
	Output    float64       `json:"output"`             // the predicted mean in units of the output
	Measured  *lut.SumError `json:"measured,omitempty"` // if the layer computed with this multiplier
}

// layerErrors predicts the errors of t in the layers of a file of histograms.
func layerErrors(t *lut.Table, path string) ([]layerErrorJSON, error) {
	h, _, err := lut.LoadHistograms(path)
	if err != nil {
		return nil, err
	}
	var list []layerErrorJSON
	for i := range h.Layers {
		l := &h.Layers[i]
		if l.WOperand != t.W() || l.XOperand != t.X() {
			continue
		}
		p, err := l.Predict(t)
		if err != nil {
			return nil, err
		}
		j := layerErrorJSON{Layer: l.Name, K: l.K, WMED: p.MED, Bias: p.Bias, Predicted: p.Sum, Output: p.Sum.Mean * l.Scale}
		if l.SHA256 == t.SHA256() {
			j.Measured = &l.Measured
		}
		list = append(list, j)
	}
	if list == nil {
		return nil, usagef("%s: no layer has %v×%v operands, those of %s", path, t.W(), t.X(), t.Name())
	}
	return list, nil
}

// printLayerErrors prints what [layerErrors] found.
func (a *app) printLayerErrors(list []layerErrorJSON) {
	if list == nil {
		return
	}
	a.printf("\nunder the operands of each layer, of one product and of a sum of K:\n")
	a.printf("%-24s %6s %10s %10s | %10s %10s | %10s %10s | %10s\n",
		"layer", "K", "WMED", "bias", "mean", "rms", "measured", "rms", "output")
	for _, l := range list {
		a.printf("%-24s %6d %10.4g %10.4g | %10.5g %10.5g |", l.Layer, l.K, l.WMED, l.Bias, l.Predicted.Mean, l.Predicted.RMS)
		if l.Measured != nil {
			a.printf(" %10.5g %10.5g |", l.Measured.Mean, l.Measured.RMS)
		} else {
			a.printf(" %10s %10s |", "", "")
		}
		a.printf(" %10.4g\n", l.Output)
	}
	a.printf("predicted: mean K·bias, rms √(mean² + K·(weighted MSE − bias²)), as if operands were independent\n")
	a.printf("output: the predicted mean in units of the layer's output, s_w·s_x times\n")
}

// checkNewFile reports, before any work, why a file could not be written.
func checkNewFile(path string) error {
	if path == "" {
		return nil
	}
	if _, err := os.Stat(path); err == nil {
		return usagef("%s exists: choose another name", path)
	}
	if dir := filepath.Dir(path); !isFolder(dir) {
		return usagef("%s: there is no folder %s", path, dir)
	}
	return nil
}
