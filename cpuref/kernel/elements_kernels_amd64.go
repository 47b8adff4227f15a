package kernel

// archElements returns the kernels of a level, nil if it has none of its own.
func archElements(level Level) *Elements {
	switch {
	case level >= AVX512:
		return &avx512Elements
	case level >= AVX2:
		return &avx2Elements
	}
	return nil
}

var avx512Elements = Elements{
	mask:               ^15,
	quantize:           quantizeElements16,
	quantizeBackward:   maskElements16,
	dequantize:         dequantizeElements16,
	dequantizeSums:     dequantizeSums16,
	dequantizeSumsEach: dequantizeSumsEach16,
	addCodes:           addCodesToSums16,
	addInts:            addIntsToSums16,
	extremes:           extremesOf16,
	sum:                sumElements16,
	squares:            squareElements16,
	sumsWithHat:        sumWithHat16,
	normalize:          normalizeElements16,
	infer:              inferElements16,
	normalizeBackward:  normalizeBackwardElements16,
	relu:               reluElements16,
	reluBackward:       reluBackwardElements16,
	add:                addElements16,
}

var avx2Elements = Elements{
	mask:               ^7,
	quantize:           quantizeElements8,
	quantizeBackward:   maskElements8,
	dequantize:         dequantizeElements8,
	dequantizeSums:     dequantizeSums8,
	dequantizeSumsEach: dequantizeSumsEach8,
	addCodes:           addCodesToSums8,
	addInts:            addIntsToSums8,
	extremes:           extremesOf8,
	sum:                sumElements8,
	squares:            squareElements8,
	sumsWithHat:        sumWithHat8,
	normalize:          normalizeElements8,
	infer:              inferElements8,
	normalizeBackward:  normalizeBackwardElements8,
	relu:               reluElements8,
	reluBackward:       reluBackwardElements8,
	add:                addElements8,
}
