package cpuref

import "gputrain/model/backend"

// eachTap calls f for every tap of a convolution, output by output and within
// one output in the order of the filter: with the index y of the output and
// its channel o, the index w of the weight, and the index x of what it meets
// in the images, −1 outside them.
func eachTap(d backend.ConvDims, f func(y, o, w, x int)) {
	y := 0
	for n := range d.Batch {
		for o := range d.Cout {
			firstChannel := o / d.GroupOut * d.GroupIn
			for i := range d.OH {
				for j := range d.OW {
					w := o * d.K
					for c := range d.GroupIn {
						plane := (n*d.Cin + firstChannel + c) * d.H * d.W
						for p := range d.KH {
							row := i*d.Stride[0] - d.Pad[0] + p*d.Dilation[0]
							for q := range d.KW {
								column := j*d.Stride[1] - d.Pad[1] + q*d.Dilation[1]
								x := -1
								if 0 <= row && row < d.H && 0 <= column && column < d.W {
									x = plane + row*d.W + column
								}
								f(y, o, w, x)
								w++
							}
						}
					}
					y++
				}
			}
		}
	}
}
