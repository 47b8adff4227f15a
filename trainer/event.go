package trainer

import "gputrain/model"

// An Event is something that a run tells while it works: [Reading], [Note],
// [Loaded], [Began], [Progress], [Record], [Saved] or [Stopped].
type Event interface{ event() }

// Reading is told while images are read, where that takes its time.
type Reading struct {
	Split       string
	Done, Total int // images
}

// Note is something that the user should know: images that were left out, a
// cache that is made.
type Note struct{ Text string }

// Began is told once, before the first step.
type Began struct {
	Plan    *Plan
	Network model.Summary
	Resumed bool // from a checkpoint of the same run
	Done    bool // and no epoch is left
	Epoch   int  // in which it begins; 0 is the calibration
	Epochs  int
	Batches int // an epoch
}

// Progress is told after every batch. Loss and Accuracy are means since the
// beginning of the epoch, as of the last look at the device.
type Progress struct {
	Phase           Phase
	Split           string // train, test
	Epoch, Epochs   int
	Batch, Batches  int // batches done, of all
	Loss, Accuracy  float64
	LR              float64
	Seconds         float64 // since the beginning of the epoch
	ImagesPerSecond float64
}

// A Record is a line of metrics.jsonl: what one epoch did on one split.
type Record struct {
	Event           string  `json:"event"`             // epoch
	Phase           Phase   `json:"phase"`             // train, retrain, calibrate
	Epoch           int     `json:"epoch"`             // from 1; 0 is the calibration
	Split           string  `json:"split"`             // train, test
	Weights         string  `json:"weights,omitempty"` // ema: the averages of train.ema; else as they are
	Loss            float64 `json:"loss"`              // mean over the images; in training of smoothed and mixed labels
	Accuracy        float64 `json:"accuracy"`
	Top5            float64 `json:"top5"` // share of images whose label is among the five greatest logits
	LR              float64 `json:"lr"`   // of the epoch's last step
	Seconds         float64 `json:"seconds"`
	ImagesPerSecond float64 `json:"images_per_second"`
	WaitShare       float64 `json:"wait_share"` // of the seconds, spent waiting for images
}

// Saved is told when a checkpoint stands on disk.
type Saved struct {
	Path  string
	Epoch int
	Batch int // batches of the epoch that are done
}

// Stopped is told when train.patience ends a run before its last epoch.
type Stopped struct {
	Epoch int // the last that was made
	Since int // the one since which the accuracy has not risen
}

func (Reading) event()  {}
func (Note) event()     {}
func (Began) event()    {}
func (Progress) event() {}
func (Record) event()   {}
func (Saved) event()    {}
func (Stopped) event()  {}
