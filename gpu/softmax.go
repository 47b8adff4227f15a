//go:build cgo && !nogpu

package gpu

import (
	"fmt"
	"math"
	"unsafe"

	"github.com/go-gl/gl/v4.3-core/gl"

	"gputrain/model/backend"
)

// A labelCheck finds labels that are no class: only the device sees them.
type labelCheck struct {
	row     *memory // the least row whose label is none; nil at first
	due     bool    // whether labels have been seen since it was last read
	classes int     // of those
}

// noRow is what its word holds while all labels are classes.
const noRow = math.MaxInt32

// failed returns the failure that labels are to the GL thread, if it is time.
func (l *labelCheck) failed(d *Device) error {
	if !l.due {
		return nil
	}
	l.due = false
	var row int32
	d.sees(gl.BUFFER_UPDATE_BARRIER_BIT)
	gl.BindBuffer(gl.COPY_READ_BUFFER, l.row.buffer)
	gl.GetBufferSubData(gl.COPY_READ_BUFFER, l.row.offset, 4, unsafe.Pointer(&row))
	if row == noRow {
		return nil
	}
	return &Error{"SoftmaxCrossEntropy", fmt.Errorf("the label of row %d is none of %d classes", row, l.classes)}
}

// SoftmaxCrossEntropy implements [backend.Layers]. A label that is no class
// is a failure of the device, which the next Read or Sync returns.
func (d *Device) SoftmaxCrossEntropy(stats, dlogits, logits backend.Tensor, t backend.Targets, scale float32) {
	const op = "SoftmaxCrossEntropy"
	l := backend.CheckSoftmaxCrossEntropy(who, stats, dlogits, logits, t)
	S, dL, L, T := d.own(stats), d.own(dlogits), d.own(logits), d.own(t.Labels)
	mixed := T
	if t.Mixed != nil {
		mixed = d.own(t.Mixed)
	}
	check := &d.labels
	if check.row == nil {
		check.row = d.scratch(op, 1)
		d.queue(op, func() error {
			d.clear(check.row, check.row.offset, 4, noRow)
			return nil
		})
	}
	rows := d.scratch(op, 3*l.N)
	d.run(op, kernel{file: "softmax_rows"}, job{groups: [2]int{min(l.N, maxGroups), 1},
		buffers: []*memory{dL, rows, L, T, mixed, check.row}, ints: []int{l.N, l.Classes, flag(t.Mixed != nil)},
		reals: []float32{l.Label, l.Mixed, l.Rest, scale}})
	d.run(op, kernel{file: "softmax_stats"}, job{groups: [2]int{1, 1},
		buffers: []*memory{S, rows}, ints: []int{l.N}})
	d.release(rows)
	classes := l.Classes
	d.queue(op, func() error {
		check.due, check.classes = true, classes
		return nil
	})
}
