package main

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"gputrain/trainer"
)

// between is how often a run that is not watched on a terminal says where it
// stands.
const between = 30 * time.Second

// A progress shows the events of a run on stderr: on a terminal as a bar with
// the time left, else as a log line for each epoch and every 30 seconds.
type progress struct {
	a      *app
	watch  bool          // on a terminal
	screen *mpb.Progress // of the bar; nil without one
	bar    *mpb.Bar
	title  string
	last   time.Time

	status atomic.Pointer[string] // read by the goroutine that draws
}

func newProgress(a *app) *progress {
	return &progress{a: a, last: time.Now(), watch: !a.quiet && a.logFormat == "text" && isTerminal(a.stderr)}
}

func (p *progress) event(e trainer.Event) {
	switch e := e.(type) {
	case trainer.Reading:
		p.reading(e)
	case trainer.Note:
		p.endBar()
		p.a.log.Info(e.Text)
	case trainer.Loaded:
		for _, line := range append(e.Notes, trainer.KeysLine("Missing", e.Missing), trainer.KeysLine("Unexpected", e.Unexpected)) {
			if line != "" {
				p.a.log.Info("init: " + line)
			}
		}
	case trainer.Stopped:
		p.a.log.Info(fmt.Sprintf("stopped after epoch %d: the accuracy has not risen since epoch %d (train.patience)", e.Epoch, e.Since))
	case trainer.Began:
		p.a.log.Info(fmt.Sprintf("network: %d parameters, %d MACs an image, %s of tensors",
			e.Network.Params, e.Network.MACs, byteCount(e.Network.TotalBytes)))
		switch {
		case e.Resumed && e.Done && e.Epoch <= e.Epochs:
			p.a.log.Info(fmt.Sprintf("resumed after epoch %d of %d, in which train.patience ended: nothing is left to do", e.Epoch-1, e.Epochs))
		case e.Resumed && e.Done:
			p.a.log.Info(fmt.Sprintf("resumed after the last of %d epochs: nothing is left to do", e.Epochs))
		case e.Resumed:
			p.a.log.Info(fmt.Sprintf("resumed in epoch %d of %d", e.Epoch, e.Epochs))
		}
	case trainer.Stage:
		p.endBar()
		p.a.log.Info(e.Name)
	case trainer.Progress:
		p.batch(e)
	case trainer.Record:
		p.endBar()
		p.last = time.Now()
		split := e.Split
		if e.Weights != "" {
			split += " of " + e.Weights
		}
		p.a.log.Info(fmt.Sprintf("%s epoch %d %-5s loss %.4f accuracy %6.2f %% lr %.2g  %.1f s, %.0f images/s",
			e.Phase, e.Epoch, split, e.Loss, 100*e.Accuracy, e.LR, e.Seconds, e.ImagesPerSecond))
	case trainer.Saved:
		if e.Batch > 0 {
			p.endBar()
			p.a.log.Info(fmt.Sprintf("saved %s in epoch %d after batch %d", e.Path, e.Epoch, e.Batch))
		}
	}
}

// reading shows how far a split has been read.
func (p *progress) reading(e trainer.Reading) {
	if !p.watch {
		if time.Since(p.last) >= between {
			p.last = time.Now()
			p.a.log.Info(fmt.Sprintf("reading %s images: %d of %d", e.Split, e.Done, e.Total))
		}
		return
	}
	status := fmt.Sprintf(" %d of %d images", e.Done, e.Total)
	p.status.Store(&status)
	p.show("reading "+e.Split, e.Total, e.Done)
}

func (p *progress) batch(e trainer.Progress) {
	figures := "" // none before the first look at the device
	if e.Loss != 0 {
		figures = fmt.Sprintf(" loss %.4f accuracy %.2f %%,", e.Loss, 100*e.Accuracy)
	}
	left := time.Duration(0)
	if e.Batch > 0 {
		left = time.Duration(e.Seconds / float64(e.Batch) * float64(e.Batches-e.Batch) * float64(time.Second))
	}
	if !p.watch {
		if time.Since(p.last) >= between {
			p.last = time.Now()
			p.a.log.Info(fmt.Sprintf("%s epoch %d/%d %s batch %d/%d,%s %.0f images/s, %s left of the epoch",
				e.Phase, e.Epoch, e.Epochs, e.Split, e.Batch, e.Batches, figures, e.ImagesPerSecond, left.Round(time.Second)))
		}
		return
	}
	status := fmt.Sprintf("%s %.0f images/s, %s left", figures, e.ImagesPerSecond, left.Round(time.Second))
	p.status.Store(&status)
	p.show(fmt.Sprintf("%s %d/%d %s", e.Phase, e.Epoch, e.Epochs, e.Split), e.Batches, e.Batch)
}

// show draws the bar of that title at done of total.
func (p *progress) show(title string, total, done int) {
	if p.bar == nil || p.title != title {
		p.endBar()
		p.title = title
		p.screen = mpb.New(mpb.WithOutput(p.a.stderr), mpb.WithWidth(40))
		p.bar = p.screen.AddBar(int64(total), mpb.BarRemoveOnComplete(),
			mpb.PrependDecorators(decor.Name(title+" ")),
			mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return *p.status.Load() })))
	}
	p.bar.SetCurrent(int64(done))
}

// endBar takes the bar off the terminal, as must be before anything else is
// written there: what is drawn next would go over it.
func (p *progress) endBar() {
	if p.bar != nil {
		p.bar.Abort(true)
		p.screen.Wait()
		p.bar, p.screen = nil, nil
	}
}

// close ends the display; it may be called twice.
func (p *progress) close() { p.endBar() }
