package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"gputrain/model/weights"
)

// TestMain lets scripts run gputrain as a program of its own: the test binary,
// under that name.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"gputrain": main, "gputrain-faulty": faultyMain})
}

// TestScripts runs the command line as a user would; see testdata/script. Each
// script has a folder of its own and these commands beside those of testscript:
//
//	exits CODE PROGRAM ARG...       run a program; fail unless it exits with CODE
//	signalled CODE FILE SIG... -- PROGRAM ARG...
//	                                the same, but send it the signals, 100 ms
//	                                apart, once FILE is there and not empty
//	jsonkeys KEY...                 fail unless stdout is one JSON document
//	                                with exactly these keys, as in w.bits and
//	                                differences[].w; KEY.* stands for any
//	lines N FILE                    fail unless FILE (or stdout, stderr) has N lines
//	sametensors A B                 fail unless two checkpoints hold the same bits
//	screen FILE                     write what the terminal of the last program
//	                                shows in the end
//	truncate FILE N                 keep N bytes; of −N, all but the last N
//	npy FILE DICT N                 write a .npy with this header and N zero bytes
//	cifar10 FILE, idx DIR, pictures DIR
//	                                write a small data set
//	spoil nan|drop|cut TENSOR FILE  change a tensor of a checkpoint
//	claim BYTES FILE, bomb FILE     write weights that claim to be larger
func TestScripts(t *testing.T) {
	p := testscript.Params{
		Dir:                "testdata/script",
		RequireUniqueNames: true,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits": exits, "signalled": signalled, "jsonkeys": jsonkeys, "lines": lines,
			"sametensors": sametensors, "screen": screen, "truncate": truncate, "npy": npy, "cifar10": cifar10, "idx": idx,
			"pictures": pictures, "spoil": spoil, "claim": claim, "bomb": bomb,
		},
	}
	if testing.Short() { // as under the race detector: those in which goroutines meet
		p.Dir, p.Files = "", []string{"testdata/script/train.txtar", "testdata/script/interrupt.txtar", "testdata/script/progress.txtar"}
	}
	testscript.Run(t, p)
}

// scriptUsage ends the test unless a command was called in the right form.
func scriptUsage(ts *testscript.TestScript, ok bool, form string) {
	if !ok {
		ts.Fatalf("usage: %s", form)
	}
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	scriptUsage(ts, !neg && len(args) >= 2, "exits CODE PROGRAM ARG...")
	checkExit(ts, args[0], ts.Exec(args[1], args[2:]...))
}

func checkExit(ts *testscript.TestScript, want string, err error) {
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(code) != want {
		ts.Fatalf("exit code %d, want %s", code, want)
	}
}

func signalled(ts *testscript.TestScript, neg bool, args []string) {
	split := slices.Index(args, "--")
	scriptUsage(ts, !neg && split >= 2 && len(args) > split+1, "signalled CODE FILE SIG... -- PROGRAM ARG...")
	file, program := ts.MkAbs(args[1]), args[split+1:]
	path, err := exec.LookPath(program[0])
	ts.Check(err)
	cmd := exec.Command(path, program[1:]...)
	cmd.Args[0] = program[0]
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = []string{"PATH=" + ts.Getenv("PATH"), "TMPDIR=" + ts.Getenv("TMPDIR")} // as testscript has it
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	ts.Check(cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	wait := func(d time.Duration) (over bool) {
		select {
		case err = <-ended:
			return true
		case <-time.After(d):
			return false
		}
	}
	for deadline := time.Now().Add(time.Minute); ; {
		if info, err := os.Stat(file); err == nil && info.Size() > 0 {
			break
		}
		if wait(5*time.Millisecond) || time.Now().After(deadline) {
			cmd.Process.Kill()
			ts.Fatalf("no %s before the program ended: %v\n%s", args[1], err, &output)
		}
	}
	// Several come while the program is at work on what follows FILE. One that
	// is sent while another like it waits is lost, so the last is repeated.
	over := split > 3 && wait(300*time.Millisecond)
	for i, name := range args[2:split] {
		signal := map[string]syscall.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM}[name]
		scriptUsage(ts, signal != 0, "a signal is INT or TERM")
		cmd.Process.Signal(signal) // too late is seen by the exit code
		for range 600 {
			if over = over || wait(100*time.Millisecond); over || i < split-3 {
				break
			}
			if i > 0 {
				cmd.Process.Signal(signal)
			}
		}
	}
	if !over {
		cmd.Process.Kill()
		ts.Fatalf("still runs a minute after the signal:\n%s", &output)
	}
	ts.Logf("%s", &output)
	checkExit(ts, args[0], err)
}

func lines(ts *testscript.TestScript, neg bool, args []string) {
	scriptUsage(ts, !neg && len(args) == 2, "lines N FILE")
	if n := strings.Count(ts.ReadFile(args[1]), "\n"); strconv.Itoa(n) != args[0] {
		ts.Fatalf("%d lines in %s, want %s", n, args[1], args[0])
	}
}

func jsonkeys(ts *testscript.TestScript, neg bool, args []string) {
	if err := checkKeys(ts.ReadFile("stdout"), args); err != nil || neg {
		ts.Fatalf("%v", err)
	}
}

// checkKeys reports whether text is one JSON document whose keys are exactly
// those wanted. Objects in arrays must all have the same.
func checkKeys(text string, want []string) error {
	d := json.NewDecoder(strings.NewReader(text))
	var doc any
	if err := d.Decode(&doc); err != nil {
		return fmt.Errorf("not JSON: %w", err)
	}
	if d.More() {
		return errors.New("more than one document")
	}
	have := map[string]bool{}
	keys(doc, "", want, have)
	var faults []string
	for _, w := range want {
		if !have[w] && !(strings.HasSuffix(w, ".*") && have[strings.TrimSuffix(w, ".*")]) {
			faults = append(faults, "no key "+w)
		}
		delete(have, w)
		delete(have, strings.TrimSuffix(w, ".*"))
	}
	for k := range have {
		faults = append(faults, "key "+k+" is not in the contract")
	}
	slices.Sort(faults)
	if faults != nil {
		return errors.New(strings.Join(faults, "; "))
	}
	return nil
}

// keys collects the paths of what v holds. Where any key is welcome, and where
// there is nothing, it stops at the object or array itself.
func keys(v any, path string, want []string, have map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		if len(v) == 0 || slices.Contains(want, path+".*") {
			have[path] = true
			return
		}
		for k, e := range v {
			keys(e, strings.TrimPrefix(path+"."+k, "."), want, have)
		}
	case []any:
		if slices.Contains(want, path+".*") {
			have[path] = true
			return
		}
		if len(v) == 0 {
			have[path+"[]"] = true
		}
		for _, e := range v {
			of := map[string]bool{}
			keys(e, path+"[]", want, of)
			for _, w := range want { // what others have, all must have
				if strings.HasPrefix(w, path+"[].") && !of[w] && !of[strings.TrimSuffix(w, ".*")] {
					have[w+" in every element"] = true
				}
			}
			for k := range of {
				have[k] = true
			}
		}
	default:
		have[path] = true
	}
}

func sametensors(ts *testscript.TestScript, neg bool, args []string) {
	scriptUsage(ts, len(args) == 2, "[!] sametensors A B")
	var files [2]*weights.File
	for i, name := range args {
		f, err := weights.ReadFile(ts.MkAbs(name))
		ts.Check(err)
		slices.SortFunc(f.Tensors, func(a, b weights.Tensor) int { return strings.Compare(a.Name, b.Name) })
		files[i] = f
	}
	same := slices.EqualFunc(files[0].Tensors, files[1].Tensors, func(a, b weights.Tensor) bool {
		return a.Name == b.Name && a.DType == b.DType && slices.Equal(a.Shape, b.Shape) && bytes.Equal(a.Data, b.Data)
	})
	if same == neg {
		ts.Fatalf("%s and %s: same tensors: %v", args[0], args[1], same)
	}
}

// screen follows the few control sequences that bars use: n lines up, and
// erase what is below.
func screen(ts *testscript.TestScript, neg bool, args []string) {
	scriptUsage(ts, !neg && len(args) == 1, "screen FILE")
	text := strings.ReplaceAll(ts.ReadFile("ttyout"), "\r", "")
	rows, at := []string{""}, 0
	control := regexp.MustCompile(`^\x1b\[(\d*)([AJ])`)
	for text != "" {
		if m := control.FindStringSubmatch(text); m != nil {
			if m[2] == "J" {
				rows = append(rows[:at:at], "")
			} else {
				n, _ := strconv.Atoi(m[1])
				at = max(0, at-max(n, 1))
			}
			text = text[len(m[0]):]
			continue
		}
		if text[0] == '\n' {
			if at++; at == len(rows) {
				rows = append(rows, "")
			}
		} else {
			rows[at] += text[:1]
		}
		text = text[1:]
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Join(rows, "\n")), 0o666))
}

func truncate(ts *testscript.TestScript, neg bool, args []string) {
	scriptUsage(ts, !neg && len(args) == 2, "truncate FILE N")
	n, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	if n < 0 {
		info, err := os.Stat(ts.MkAbs(args[0]))
		ts.Check(err)
		n += info.Size()
	}
	ts.Check(os.Truncate(ts.MkAbs(args[0]), n))
}

func npy(ts *testscript.TestScript, neg bool, args []string) {
	scriptUsage(ts, !neg && len(args) == 3, "npy FILE DICT N")
	n, err := strconv.Atoi(args[2])
	ts.Check(err)
	text := append([]byte("\x93NUMPY\x01\x00"), 0, 0)
	binary.LittleEndian.PutUint16(text[8:], uint16(len(args[1])+1))
	text = append(append(text, args[1]...), '\n')
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), append(text, make([]byte, n)...), 0o666))
}

// cifar10 writes 40 + 20 images of noise, the label in the mean of the pixels.
func cifar10(ts *testscript.TestScript, neg bool, args []string) {
	scriptUsage(ts, !neg && len(args) == 1, "cifar10 FILE.tar.gz")
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	w := tar.NewWriter(z)
	r := rand.New(rand.NewPCG(1, 2))
	for _, f := range []struct {
		name   string
		images int
	}{{"data_batch_1.bin", 40}, {"test_batch.bin", 20}} {
		var data []byte
		for i := range f.images {
			data = append(data, byte(i%10))
			for range 3 * 32 * 32 {
				data = append(data, byte(20*(i%10)+r.IntN(50)))
			}
		}
		ts.Check(w.WriteHeader(&tar.Header{Name: "cifar-10-batches-bin/" + f.name, Mode: 0o644, Size: int64(len(data))}))
		_, err := w.Write(data)
		ts.Check(err)
	}
	ts.Check(w.Close())
	ts.Check(z.Close())
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), buf.Bytes(), 0o666))
}

// idx writes 40 + 20 images of 8×8 in three classes.
func idx(ts *testscript.TestScript, neg bool, args []string) {
	scriptUsage(ts, !neg && len(args) == 1, "idx DIR")
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o777))
	r := rand.New(rand.NewPCG(3, 4))
	for _, s := range []struct {
		split string
		n     int
	}{{"train", 40}, {"t10k", 20}} {
		images := binary.BigEndian.AppendUint32([]byte{0, 0, 8, 3}, uint32(s.n))
		images = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(images, 8), 8)
		labels := binary.BigEndian.AppendUint32([]byte{0, 0, 8, 1}, uint32(s.n))
		for i := range s.n {
			labels = append(labels, byte(i%3))
			for range 8 * 8 {
				images = append(images, byte(80*(i%3)+r.IntN(50)))
			}
		}
		ts.Check(os.WriteFile(filepath.Join(dir, s.split+"-images-idx3-ubyte"), images, 0o666))
		ts.Check(os.WriteFile(filepath.Join(dir, s.split+"-labels-idx1-ubyte"), labels, 0o666))
	}
}

func TestCheckKeys(t *testing.T) {
	for _, c := range []struct {
		text string
		want string
		ok   bool
	}{
		{`{"a":1,"b":{"c":2}}`, "a b.c", true},
		{`{"a":1,"b":{"c":2}}`, "a", false},
		{`{"a":1}`, "a b", false},
		{`{"a":1} {"a":1}`, "a", false},
		{`{"a":`, "a", false},
		{`{"a":[{"b":1},{"b":2}]}`, "a[].b", true},
		{`{"a":[{"b":1},{"c":2}]}`, "a[].b a[].c", false},
		{`{"a":[]}`, "a[]", true},
		{`[{"b":1}]`, "[].b", true},
		{`{"a":{"x":1,"y":2}}`, "a.*", true},
		{`{"a":{}}`, "a.*", true},
		{`{"a":[{"x":1}]}`, "a.*", true},
		{`{"l":[{"a":{"x":1}},{"a":{}}]}`, "l[].a.*", true},
		{`{"b":1}`, "a.* b", false},
	} {
		if err := checkKeys(c.text, strings.Fields(c.want)); (err == nil) != c.ok {
			t.Errorf("%s against %s: %v", c.text, c.want, err)
		}
	}
}
