package backendtest

// A pytorchLoss is a softmaxCase with what PyTorch 1.13 makes of it.
type pytorchLoss struct {
	softmaxCase
	loss     float64
	gradient []float64
}

// pytorchLosses returns figures of mixup and label smoothing, computed in
// float64:
//
//	import torch, torch.nn.functional as F
//	x = torch.tensor([[(7*i*i + 3*i) % 29 / 4 - 3 for i in range(6*n, 6*n + 6)] for n in range(3)], dtype=torch.float64, requires_grad=True)
//	a, b = torch.tensor([2, -1, 5]), torch.tensor([0, -1, 1])
//	for l, e in (1, 0.1), (0.7, 0), (0.25, 0.3):
//	    loss = sum(s * F.cross_entropy(x, t, ignore_index=-1, label_smoothing=e, reduction='sum') for s, t in ((l, a), (1 - l, b)))
//	    g, = torch.autograd.grad(loss, x)
//	    print('%.9f' % loss, [round(v, 9) for v in g.flatten().tolist()])
func pytorchLosses() []pytorchLoss {
	logits := make([]float32, 18)
	for i := range logits {
		logits[i] = float32((7*i*i+3*i)%29)/4 - 3
	}
	with := func(name string, lambda, smoothing float32, loss float64, gradient ...float64) pytorchLoss {
		return pytorchLoss{softmaxCase{name: name, N: 3, classes: 6, logits: logits, labels: []int32{2, -1, 5}, mixed: []int32{0, -1, 1},
			lambda: lambda, smoothing: smoothing, scale: 1}, loss, gradient}
	}
	return []pytorchLoss{
		with("smooth", 1, 0.1, 6.393606014,
			-0.007720162, 0.092324074, -0.885440297, 0.279600882, 0.049439559, 0.471795943,
			0, 0, 0, 0, 0, 0,
			-0.015468681, -0.013410204, 0.276470785, 0.603905322, 0.014229793, -0.865727016),
		with("mixed", 0.7, 0, 7.643606014,
			-0.291053495, 0.10899074, -0.66877363, 0.296267549, 0.066106226, 0.48846261,
			0, 0, 0, 0, 0, 0,
			0.001197986, -0.296743537, 0.293137451, 0.620571989, 0.03089646, -0.649060349),
		with("both", 0.25, 0.3, 8.393606014,
			-0.566053495, 0.05899074, -0.19377363, 0.246267549, 0.016106226, 0.43846261,
			0, 0, 0, 0, 0, 0,
			-0.048802014, -0.571743537, 0.243137451, 0.570571989, -0.01910354, -0.174060349),
	}
}
