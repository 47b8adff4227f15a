package backend

// Tuned is an optional interface of a backend that can carry out operations in
// several ways and has chosen among them. Integers do not depend on that; the
// last bits of sums of floats do, so that a run that must give the same bits
// again has to make the same choices.
type Tuned interface {
	// Choices returns the choices made so far: for each class of operations,
	// the variant of the kernel.
	Choices() map[string]string

	// SetChoices makes those choices, where they say something, from now on;
	// what was chosen before is forgotten. The error names a choice that means
	// nothing to the backend, and then nothing changes.
	SetChoices(choices map[string]string) error
}
