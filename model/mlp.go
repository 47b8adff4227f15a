package model

// mlp is the fully connected network with hidden layers of 300 and 100 units
// of LeCun et al. 1998, section III.C.4, with ReLU in place of its sigmoids.
func mlp(p *planner, x *value, classes int) *value {
	x = p.relu("relu1", p.linear("fc1", x, 300))
	x = p.relu("relu2", p.linear("fc2", x, 100))
	return p.linear("fc3", x, classes)
}
