// Package trainer turns a recipe into a run: it feeds batches through a
// network, steps the optimizer, measures accuracy, and keeps what it did in a
// run directory from which it can go on.
//
// # From a recipe to a result
//
//	r, err := trainer.Load("recipe.yaml", settings...)  // YAML → Recipe, strict
//	p, err := trainer.Prepare(ctx, r, trainer.Retrain, nil) // defaults, tables, data → Plan
//	res, err := trainer.Run(ctx, b, p, trainer.Options{Out: "run"})
//
// A [Recipe] says everything that determines a run; two runs of one recipe on
// one backend give the same bits. [Prepare] fills in what it leaves open and
// lists what it assumed. [Run] trains, [Evaluate] measures, [Demo] is the whole
// of the work on data drawn at run time.
//
// # Faults of the user and failures of the machine
//
// What a user can put right (a recipe, a file, a setting) is an [InputError],
// or several at once in [Faults]; [IsInput] tells them from the rest. An
// interrupted run returns [ErrInterrupted] once its state is saved.
//
// # Resuming
//
// A checkpoint holds all that the next step depends on: parameters, batch-norm
// statistics, quantizer ranges and whether they have seen data, optimizer
// moments and their step number, averages of weights, the place in the epoch, and
// the running sums of the metrics. It is saved between steps, so that sums of
// gradients over several batches are not part of it. Shuffling, augmentation and
// the mixing of images depend on (seed, epoch, index) alone, so there is no other
// generator state. A run that is stopped after any step and resumed ends, on the
// CPU, with the bits of one that was not.
package trainer
