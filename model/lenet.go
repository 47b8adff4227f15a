package model

import "gputrain/model/backend"

// lenet5 is the network of LeCun, Bottou, Bengio and Haffner, "Gradient-Based
// Learning Applied to Document Recognition", Proc. IEEE 1998, in today's
// form, for images of 28×28 (padded by 2) or 32×32:
//
//	conv1 5×5 6 → max pool 2×2 → ReLU → conv2 5×5 16 → max pool 2×2 → ReLU
//	→ fc1 120 → ReLU → fc2 84 → ReLU → fc3 classes
//
// ReLU and max pooling commute, both being monotone; ReLU comes second, on a
// quarter of the elements.
func lenet5(p *planner, x *value, classes int) *value {
	pad := 0
	switch h, w := x.shape[2], x.shape[3]; {
	case h == 28 && w == 28:
		pad = 2
	case h != 32 || w != 32:
		p.fail("lenet5", "images of %d×%d, want 28×28 or 32×32", h, w)
	}
	half := backend.Pool2D{Window: [2]int{2, 2}}
	x = p.conv("conv1", x, filter{out: 6, kernel: 5, stride: 1, pad: pad, bias: true})
	x = p.maxPool("pool1", x, half)
	x = p.relu("relu1", x)
	x = p.conv("conv2", x, filter{out: 16, kernel: 5, stride: 1, bias: true})
	x = p.maxPool("pool2", x, half)
	x = p.relu("relu2", x)
	x = p.relu("relu3", p.linear("fc1", x, 120))
	x = p.relu("relu4", p.linear("fc2", x, 84))
	return p.linear("fc3", x, classes)
}
