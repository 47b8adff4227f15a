// Package dataset turns files of labelled images into batches for training.
//
// [Open] reads a whole data set, named by a [Source], into two [Set] values: one to
// train on, one to measure on. Images are decoded once and kept as bytes, planar,
// [N, C, H, W], in memory or in a file; or they are decoded each time that they
// are used. A [Loader] walks a set once: it shuffles, and does to each image what
// a [Pipeline] says, in goroutines of its own, into two buffers that it uses in
// turn, and hands out one [Batch] after another.
//
// # Randomness
//
// What happens to an image depends on (seed, epoch, index of the image in its
// set) and on nothing else: not on its place in the epoch, on the number of
// workers, or on the batch at which a resumed run enters the epoch. The order
// of an epoch depends on (seed, epoch), and how a batch is mixed on
// (seed, epoch, index of the batch).
//
// # Files
//
// Files come from outside and are not trusted. Sizes are bounded before memory
// is taken, archives are read in place and never unpacked to disk, and every
// fault is an [*Error] that names the file.
package dataset
