package trainer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"runtime"
	"time"

	"gputrain/model"
	"gputrain/model/backend"
	"gputrain/model/weights"
	"gputrain/trainer/dataset"
)

// Options say where a run keeps its files and whom it tells.
type Options struct {
	Out     string      // the run directory; none: nothing is kept
	Resume  bool        // go on from Out's last checkpoint
	Machine Machine     // for the manifest; Device defaults to the backend's name
	Events  func(Event) // told in the goroutine of Run; nil: nobody

	// Init is the state to start from, in place of the file that the recipe's
	// init names.
	Init *weights.File
}

// A Result is what a run came to.
type Result struct {
	Calibrated *Record // on the test split, after calibration and before the first step; nil without
	Last       *Record // on the test split, after the last epoch
	Best       *Record // the most accurate epoch on the test split, the first of equals

	// State holds the trained network: parameters, statistics, quantizers. With
	// train.ema it is the averaged one.
	State *weights.File
}

// Run trains the network of a plan: it calibrates, where the recipe says so,
// then makes its epochs, and after each measures the test split. It ends after
// train.epochs, or before, where train.patience says so.
//
// With train.ema it measures each epoch twice: the network as it is, and under
// the average of its weights. The second counts: by it the best epoch is chosen
// and the patience ends, Result holds its records, and the best checkpoint holds
// the averages in the place of the weights, for evaluation and export. The last
// checkpoint holds the weights, and the averages besides them under names that
// begin with "ema.".
//
// The state is saved before the first step, after every epoch, and, when ctx is
// cancelled, after the step in hand; then Run returns [ErrInterrupted]. Faults
// of the user's input are InputErrors and leave nothing behind.
func Run(ctx context.Context, b backend.Backend, p *Plan, o Options) (*Result, error) {
	s, err := newSession(b, p, o)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err := s.open(); err != nil {
		return nil, err
	}
	for !s.done() {
		if err := s.epoch(ctx); err != nil {
			return nil, err
		}
	}
	if s.at.Epoch <= p.Recipe.Train.Epochs {
		s.tell(Stopped{Epoch: s.at.Epoch - 1, Since: s.at.Risen.Epoch})
	}
	res := &Result{Calibrated: s.at.Calibrated, Last: s.at.Last, Best: s.at.Best, State: &weights.File{}}
	err = s.averaged(func() (err error) {
		res.State.Tensors, err = s.net.State()
		return err
	})
	if err != nil {
		return nil, err
	}
	return res, nil
}

// A session is a run in progress.
type session struct {
	plan *Plan
	o    Options
	net  *model.Network
	*stepper
	dir *runDir // nil: nothing is kept

	recorder *recorder               // of operands while measuring; nil: none
	reported map[*dataset.Set]string // what was told of images left out

	at    progress
	saved time.Time  // when, last
	stats [3]float32 // what the last look found
	zeros [3]float32

	described map[string]string // the kernels in the manifest
}

// newSession builds the network. The caller closes the session.
func newSession(b backend.Backend, p *Plan, o Options) (*session, error) {
	net, err := p.Build(b)
	if err != nil {
		return nil, err
	}
	s := &session{plan: p, o: o, net: net, stepper: newStepper(b, p, net),
		reported: map[*dataset.Set]string{p.Train: p.Train.SkipReport(), p.Test: p.Test.SkipReport()}}
	if !p.calibrates() {
		s.at.Epoch = 1
	}
	return s, nil
}

func (s *session) close() {
	s.stepper.free()
	s.net.Close()
}

func (s *session) tell(e Event) {
	if s.o.Events != nil {
		s.o.Events(e)
	}
}

// open brings the session to the state in which the run begins: that of the
// last checkpoint, or of the recipe's init, or of new weights.
func (s *session) open() error {
	var err error
	switch {
	case s.o.Resume && s.o.Out == "":
		return &InputError{Err: errors.New("--resume needs --out, the directory of the run")}
	case s.o.Resume:
		err = s.resume()
	default:
		err = s.begin()
	}
	if err != nil {
		return err
	}
	runtime.GC() // of the weights that the network began with; see write
	s.saved = time.Now()
	s.tell(Began{Plan: s.plan, Network: s.net.Summary(), Resumed: s.o.Resume, Done: s.done(),
		Epoch: s.at.Epoch, Epochs: s.plan.Recipe.Train.Epochs, Batches: s.plan.batches()})
	if s.dir == nil || s.o.Resume {
		return nil
	}
	return s.save(lastFile)
}

// begin starts a new run.
func (s *session) begin() error {
	if err := s.init(); err != nil {
		return err
	}
	if err := s.calibrated(); err != nil {
		return err
	}
	if s.o.Out == "" {
		return nil
	}
	var err error
	if s.dir, err = newRunDir(s.o.Out); err != nil {
		return err
	}
	return s.describe()
}

// describe writes the recipe and the manifest.
func (s *session) describe() error {
	text, err := s.plan.Recipe.YAML()
	if err != nil {
		return err
	}
	m := Manifest{Machine: s.machine(), Phase: s.plan.Phase, Seed: s.plan.Recipe.Train.Seed,
		Tables: s.plan.Tables, Layers: s.plan.Layers, Data: s.plan.DataSHA256}
	s.described = m.Kernels
	return s.dir.start(text, m)
}

// resume goes on from the last checkpoint of the run directory.
func (s *session) resume() error {
	path := (&runDir{path: s.o.Out}).file(lastFile)
	f, err := weights.ReadFile(path)
	if err != nil {
		return &InputError{Err: fmt.Errorf("resume: %w", err)}
	}
	c, err := parseCheckpoint(f.Metadata)
	if err != nil {
		return inputf(path, "resume: %w", err)
	}
	if err := c.mismatch(s.plan); err != nil {
		return inputf(path, "cannot resume a run of another setting: %w", err)
	}
	if c.Progress.Batch > s.plan.batches() {
		return inputf(path, "resume: batch %d of an epoch of %d", c.Progress.Batch, s.plan.batches())
	}
	if i, _ := s.plan.turn(c.Progress.Epoch, c.Progress.Batch); i > 0 && c.Progress.Batch < s.plan.batches() {
		return inputf(path, "resume: batch %d is in the middle of a step", c.Progress.Batch)
	}
	report, err := s.net.LoadState(NetworkAlone(f), true)
	if err == nil && len(report.Missing) > 0 { // quantizers, which strict lets pass
		err = fmt.Errorf("no tensor %s", report.Missing[0])
	}
	if err == nil {
		err = s.opt.load(f, c.Progress.Step)
	}
	if err == nil && s.ema != nil {
		err = s.ema.load(f)
	}
	if err != nil {
		return inputf(path, "resume: %w", err)
	}
	if err := s.choose(); err != nil {
		return err
	}
	s.at = c.Progress
	s.b.Write(s.net.Stats(), s.at.Pending[:])
	if s.dir, err = resumeRunDir(s.o.Out, s.at.Lines); err != nil {
		return err
	}
	return s.describe()
}

// save writes a checkpoint of the state under a name.
func (s *session) save(name string) error {
	if err := s.b.Read(s.at.Pending[:], s.net.Stats()); err != nil {
		return err
	}
	if err := s.finite(float64(s.at.Pending[0]), true); err != nil {
		return err // the former checkpoint is of more use
	}
	tensors, err := s.net.State()
	if err != nil {
		return err
	}
	more, err := s.opt.state()
	if err != nil {
		return err
	}
	tensors = append(tensors, more...)
	if s.ema != nil {
		if more, err = s.ema.state(); err != nil {
			return err
		}
		tensors = append(tensors, more...)
	}
	metadata, err := s.metadata()
	if err != nil {
		return err
	}
	return s.write(&weights.File{Tensors: tensors, Metadata: metadata}, name)
}

// saveBest writes the state of the network that counts.
func (s *session) saveBest() error {
	if s.ema == nil {
		return s.save(bestFile)
	}
	metadata, err := s.metadata()
	if err != nil {
		return err
	}
	return s.averaged(func() error {
		tensors, err := s.net.State()
		if err != nil {
			return err
		}
		return s.write(&weights.File{Tensors: tensors, Metadata: metadata}, bestFile)
	})
}

// averaged calls f while the network is the one that counts: with train.ema the
// averaged one.
func (s *session) averaged(f func() error) error {
	if s.ema == nil || s.opt.step == 0 { // nothing has been averaged yet
		return f()
	}
	return s.ema.during(f)
}

// metadata says where the run stands.
func (s *session) metadata() (map[string]string, error) {
	recipe, err := s.plan.Recipe.YAML()
	if err != nil {
		return nil, err
	}
	s.at.Step = s.opt.step
	s.at.Lines = s.dir.lines()
	c := checkpoint{Phase: s.plan.Phase, Recipe: string(recipe), Tables: s.plan.Tables, Data: maps.Clone(s.plan.DataSHA256), Progress: s.at}
	return c.metadata()
}

// write writes a checkpoint and tells of it. What was made of it in memory is as
// large as the network and its moments: too much to leave to the collector, which
// lets as much pile up as there is besides.
func (s *session) write(f *weights.File, name string) error {
	if err := s.describeChoices(); err != nil {
		return err
	}
	if err := s.dir.save(f, name); err != nil {
		return err
	}
	runtime.GC()
	s.saved = time.Now()
	s.tell(Saved{Path: s.dir.file(name), Epoch: s.at.Epoch, Batch: s.at.Batch})
	return nil
}

// interrupted saves the state, if it is kept, and returns what Run returns.
func (s *session) interrupted(ctx context.Context) error {
	if s.dir == nil {
		return context.Cause(ctx)
	}
	if err := s.save(lastFile); err != nil {
		return err
	}
	return ErrInterrupted
}

// finite returns an error that names the layer if loss is NaN or infinite.
func (s *session) finite(loss float64, training bool) error {
	if !math.IsNaN(loss) && !math.IsInf(loss, 0) {
		return nil
	}
	layer, err := s.net.CheckFinite(training)
	if err == nil {
		layer, err = "none", errors.New("a repetition of the step is finite")
	}
	return fmt.Errorf("trainer: epoch %d, batch %d of %d: the loss is %v; first at fault is layer %s (%w); try a lower optimizer.lr",
		s.at.Epoch, s.at.Batch+1, s.plan.batches(), loss, layer, err)
}
