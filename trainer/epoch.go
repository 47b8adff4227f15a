package trainer

import (
	"context"
	"time"

	"gputrain/model"
	"gputrain/trainer/dataset"
)

// epoch makes the rest of the epoch in hand, measures the test split, writes
// both into the metrics and saves.
//
// Epoch 0 is the calibration: the same pass over the images, but un-augmented
// and without steps.
func (s *session) epoch(ctx context.Context) error {
	train, err := s.pass(ctx)
	if err != nil {
		return err
	}
	records := []Record{train}
	test, _, err := s.measure(ctx, s.phase(), nil)
	if err != nil {
		return err
	}
	records = append(records, test)
	if s.ema != nil && s.at.Epoch > 0 {
		err := s.averaged(func() (err error) {
			test, _, err = s.measure(ctx, s.phase(), nil)
			return err
		})
		if err != nil {
			return err
		}
		test.Weights = "ema"
		records = append(records, test)
	}
	if ctx.Err() != nil {
		return s.interrupted(ctx) // with all batches done: only measuring is repeated
	}
	for i := range records {
		records[i].LR = train.LR
	}
	best := s.judge(records[len(records)-1])
	if s.dir != nil {
		if err := s.dir.record(records...); err != nil {
			return err
		}
		if best {
			if err := s.saveBest(); err != nil {
				return err
			}
		}
		if err := s.save(lastFile); err != nil {
			return err
		}
	}
	for _, r := range records {
		s.tell(r)
	}
	return nil
}

// judge ends the epoch in hand, which test measured, and reports whether it is
// the best yet.
func (s *session) judge(test Record) (best bool) {
	next := progress{Epoch: s.at.Epoch + 1, Calibrated: s.at.Calibrated, Last: &test, Best: s.at.Best, Risen: s.at.Risen}
	if s.at.Epoch == 0 {
		next.Calibrated = &test
		s.at = next
		return false
	}
	if best = next.Best == nil || test.Accuracy > next.Best.Accuracy; best {
		next.Best = &test
	}
	t := s.plan.Recipe.Train
	if t.Patience > 0 && (next.Risen == nil || test.Accuracy > next.Risen.Accuracy+t.MinDelta) {
		next.Risen = &test
	}
	s.at = next
	return best
}

// done reports whether no epoch is left to make.
func (s *session) done() bool {
	t := s.plan.Recipe.Train
	if s.at.Epoch > t.Epochs {
		return true
	}
	return t.Patience > 0 && s.at.Risen != nil && s.at.Epoch-1-s.at.Risen.Epoch >= t.Patience
}

// freeze holds, in the epoch in hand, what the recipe says stands still.
func (s *session) freeze() {
	after := func(epochs *int) bool { return epochs != nil && s.at.Epoch > *epochs }
	f := s.plan.Recipe.Quantization.Freeze
	s.net.Freeze(after(f.Observers), after(f.BatchNorm))
}

// phase returns the phase of the epoch in hand.
func (s *session) phase() Phase {
	if s.at.Epoch == 0 {
		return Calibrate
	}
	return s.plan.Phase
}

// pass walks the training set once, from where it stands.
func (s *session) pass(ctx context.Context) (Record, error) {
	r := s.plan.Recipe
	calibrating := s.at.Epoch == 0
	batches := s.plan.batches()
	s.freeze()
	if s.ema != nil && !calibrating && s.opt.step == 0 {
		if err := s.ema.start(); err != nil {
			return Record{}, err
		}
	}
	loader, err := dataset.NewLoader(s.plan.Train, s.plan.pipeline(!calibrating), dataset.LoaderOptions{
		Batch: r.Train.Batch, Shuffle: true, DropLast: true, Seed: r.Train.Seed, Epoch: uint64(s.at.Epoch),
		Workers: r.Data.Workers, FirstBatch: s.at.Batch})
	if err != nil {
		return Record{}, err
	}
	defer loader.Close()
	start, before, waited := time.Now(), s.at.Seconds, s.at.Wait
	clock := func() {
		s.at.Seconds = before + time.Since(start).Seconds()
		s.at.Wait = waited + loader.WaitSeconds()
	}
	rec := Record{Event: "epoch", Phase: s.phase(), Epoch: s.at.Epoch, Split: "train"}
	if s.at.Batch > 0 { // the rate of the last step, should none be left
		rec.LR = s.rate(s.at.Batch - 1)
	}
	for {
		i, of := s.plan.turn(s.at.Epoch, s.at.Batch) // the batch is the i-th of its step
		if ctx.Err() != nil && i == 0 {
			clock()
			return rec, s.interrupted(ctx)
		}
		batch, ok := loader.Next()
		if !ok {
			break
		}
		s.b.Write(s.net.Input(), batch.X)
		s.b.Write(s.net.Labels(), batch.Labels)
		loss := model.Loss{Scale: 1 / float32(of*r.Train.Batch), Smoothing: float32(r.Train.LabelSmoothing)}
		if batch.Mixed != nil {
			s.b.Write(s.net.Mixed(), batch.Mixed)
			loss.Mixed, loss.Lambda = true, batch.Lambda
		}
		s.net.SetStep(uint64(s.at.Epoch)*uint64(batches) + uint64(s.at.Batch))
		s.net.Forward(true)
		s.net.Loss(loss)
		// Looking before the step finds the parameters as they were when the
		// loss went wrong.
		if (s.at.Batch+1)%r.Train.LogEvery == 0 || s.at.Batch+1 == batches {
			if err := s.look(true); err != nil {
				return rec, err
			}
		}
		if !calibrating {
			rec.LR = s.rate(s.at.Batch)
			s.net.Backward()
			if s.add(i, of); i == of-1 {
				s.step(rec.LR)
			}
		}
		s.at.Batch++
		clock()
		s.progress(rec, s.at.Batch, batches)
		if err := s.saveBetween(batches); err != nil {
			return rec, err
		}
	}
	if err := loader.Err(); err != nil {
		return rec, dataFault(err)
	}
	clock()
	rec.finish(s.at, s.at.Batch*r.Train.Batch)
	s.skipped(s.plan.Train)
	return rec, nil
}

// rate returns the learning rate of a batch of the epoch in hand, 0 in
// calibration.
func (s *session) rate(batch int) float64 {
	if s.at.Epoch == 0 {
		return 0
	}
	r, steps := s.plan.Recipe, s.plan.steps()
	return r.Schedule.Rate(r.Optimizer.LR, (s.at.Epoch-1)*steps+batch/s.plan.perStep(s.at.Epoch), steps, r.Train.Epochs)
}

// look adds the sums on the device to those of the epoch, and clears them. It
// waits for the device, for 12 bytes.
func (s *session) look(training bool) error {
	if err := s.b.Read(s.stats[:], s.net.Stats()); err != nil {
		return err
	}
	if err := s.finite(float64(s.stats[0]), training); err != nil {
		return err
	}
	s.at.Loss += float64(s.stats[0])
	s.at.Hits += float64(s.stats[1])
	s.at.Top5 += float64(s.stats[2])
	s.at.Looked = s.at.Batch + 1
	s.b.Write(s.net.Stats(), s.zeros[:])
	return nil
}

// saveBetween saves in the middle of an epoch, where the recipe says so, but not
// in the middle of a step.
func (s *session) saveBetween(batches int) error {
	t := s.plan.Recipe.Train
	n := s.plan.perStep(s.at.Epoch)
	if s.dir == nil || s.at.Batch%n > 0 || s.at.Batch == batches {
		return nil
	}
	due := t.SaveSteps > 0 && s.at.Batch/n%t.SaveSteps == 0 ||
		t.SaveMinutes > 0 && time.Since(s.saved).Minutes() >= t.SaveMinutes
	if !due {
		return nil
	}
	return s.save(lastFile)
}

// progress tells how far the pass of rec is.
func (s *session) progress(rec Record, batch, batches int) {
	if s.o.Events == nil {
		return
	}
	images := s.plan.Recipe.Train.Batch
	p := Progress{Phase: rec.Phase, Split: rec.Split, Epoch: rec.Epoch, Epochs: s.plan.Recipe.Train.Epochs,
		Batch: batch, Batches: batches, LR: rec.LR, Seconds: s.at.Seconds}
	if n := float64(s.at.Looked * images); n > 0 {
		p.Loss, p.Accuracy = s.at.Loss/n, s.at.Hits/n
	}
	if p.Seconds > 0 {
		p.ImagesPerSecond = float64(batch*images) / p.Seconds
	}
	s.tell(p)
}

// finish fills in the means over the images of a pass.
func (r *Record) finish(at progress, images int) {
	if images > 0 {
		n := float64(images)
		r.Loss, r.Accuracy, r.Top5 = at.Loss/n, at.Hits/n, at.Top5/n
	}
	r.Seconds = at.Seconds
	if at.Seconds > 0 {
		r.ImagesPerSecond = float64(images) / at.Seconds
		r.WaitShare = at.Wait / at.Seconds
	}
}

// measure walks the test split once and returns the means over its images. What
// each image came out as goes to answers, if that is not nil. Cancelled, it ends
// early; the caller looks at ctx.
func (s *session) measure(ctx context.Context, phase Phase, answers *answers) (Record, int, error) {
	r := s.plan.Recipe
	rec := Record{Event: "epoch", Phase: phase, Epoch: s.at.Epoch, Split: "test"}
	loader, err := dataset.NewLoader(s.plan.Test, s.plan.pipeline(false), dataset.LoaderOptions{
		Batch: r.Train.Batch, Seed: r.Train.Seed, Workers: r.Data.Workers})
	if err != nil {
		return rec, 0, err
	}
	defer loader.Close()

	train := s.at
	defer func() { // the sums of the training pass stay
		s.at = train
		s.b.Write(s.net.Stats(), s.zeros[:])
	}()
	s.at = progress{Epoch: train.Epoch}
	s.b.Write(s.net.Stats(), s.zeros[:])
	var logits []float32
	if answers != nil {
		logits = make([]float32, s.net.Logits().Shape().Len())
	}
	start, images := time.Now(), 0
	for ctx.Err() == nil {
		batch, ok := loader.Next()
		if !ok {
			break
		}
		s.b.Write(s.net.Input(), batch.X)
		s.b.Write(s.net.Labels(), batch.Labels)
		s.net.Forward(false)
		s.net.Loss(model.Loss{})
		images += batch.Count
		if s.recorder != nil {
			if err := s.recorder.batch(batch.Count); err != nil {
				return rec, 0, err
			}
		}
		if batch.Index%r.Train.LogEvery == 0 || batch.Index+1 == loader.Batches() {
			if err := s.look(false); err != nil {
				return rec, 0, err
			}
		}
		if answers != nil {
			if err := s.b.Read(logits, s.net.Logits()); err != nil {
				return rec, 0, err
			}
			answers.add(logits, batch)
		}
		s.at.Batch++
		s.at.Seconds, s.at.Wait = time.Since(start).Seconds(), loader.WaitSeconds()
		s.progress(rec, s.at.Batch, loader.Batches())
	}
	if err := loader.Err(); err != nil {
		return rec, 0, dataFault(err)
	}
	rec.finish(s.at, images)
	s.skipped(s.plan.Test)
	return rec, images, nil
}

// skipped tells of images that turned out to be unreadable and were left out.
func (s *session) skipped(set *dataset.Set) {
	if report := set.SkipReport(); report != "" && s.reported[set] != report {
		s.reported[set] = report
		s.tell(Note{report})
	}
}

// answers collect what the images of a split came out as.
type answers struct {
	confusion [][]int // [label][class that came out]
	keep      bool    // logits and labels
	logits    []float32
	labels    []int64
}

// add adds a batch: the class is that of the greatest logit, of equals the
// first.
func (a *answers) add(logits []float32, batch *dataset.Batch) {
	classes := len(a.confusion)
	for i, label := range batch.Labels[:batch.Count] {
		best := 0
		for c := range classes {
			if logits[i*classes+c] > logits[i*classes+best] {
				best = c
			}
		}
		a.confusion[label][best]++
		if a.keep {
			a.labels = append(a.labels, int64(label))
		}
	}
	if a.keep {
		a.logits = append(a.logits, logits[:batch.Count*classes]...)
	}
}
