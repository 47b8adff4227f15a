package model

// Statistics returns the running means and variances of batch normalisation,
// under their names, in the order of the layers. They have no gradient: training
// moves them on its way forward.
func (n *Network) Statistics() []Param {
	var list []Param
	for _, e := range n.state {
		if !e.param && !e.quantizer && e.counter == nil {
			list = append(list, Param{Name: e.name, Value: e.t, Shape: e.shape})
		}
	}
	return list
}
