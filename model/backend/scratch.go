package backend

// Scratching is an optional interface of a backend whose operations work in
// memory of their own beside their tensors.
type Scratching interface {
	// Reserve takes what operations on tensors of at most n elements commonly
	// need, so that the first step need not outgrow one memory after the other.
	Reserve(n int)

	// Expect returns about how many bytes of that memory a network comes to
	// whose largest tensor has so many elements, and whose largest weight.
	Expect(tensor, weight int) int64

	// Scratch returns the bytes of that memory. It grows to what the largest
	// operation so far took.
	Scratch() int64
}
