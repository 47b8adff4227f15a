package lut

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// A FormatError reports a file that does not hold a multiplier.
type FormatError struct {
	Path string // the file, empty for a stream without a name
	Line int    // 1-based line of the fault; 0 if the format has no lines
	Err  error  // what is wrong with it
}

func (e *FormatError) Error() string {
	switch {
	case e.Path != "" && e.Line > 0:
		return fmt.Sprintf("%s:%d: %v", e.Path, e.Line, e.Err)
	case e.Path != "":
		return fmt.Sprintf("%s: %v", e.Path, e.Err)
	case e.Line > 0:
		return fmt.Sprintf("line %d: %v", e.Line, e.Err)
	}
	return e.Err.Error()
}

func (e *FormatError) Unwrap() error { return e.Err }

// LoadOptions say what a file does not say about itself. The zero value leaves
// everything to the format's own convention.
type LoadOptions struct {
	// From names the format; empty to recognise it.
	From string

	// Order says which operand a file names first, or which selects its
	// rows: "wx" the weight, "xw" the activation, empty for the format's
	// own order. Most approximate multipliers are not commutative, so a
	// wrong order is a wrong multiplier.
	Order string

	// Signed says whether both operands are signed; nil for what the file
	// says, or unsigned where it says nothing.
	Signed *bool

	// Codes is the order of signed operands along an axis of an array:
	// "ascending" from the least value, "twos" as two's-complement bit
	// patterns (0 … max, min … −1), empty for the format's own.
	Codes string

	// Top names the circuit to use of a file that holds several.
	Top string

	// Cells names a file of Verilog modules that a netlist uses without
	// defining them, empty for none.
	Cells string
}

// validate reports options that no format knows.
func (o LoadOptions) validate() error {
	if !slices.Contains([]string{"", "wx", "xw"}, o.Order) {
		return fmt.Errorf("lut: order %q, want wx or xw", o.Order)
	}
	if !slices.Contains([]string{"", "ascending", "twos"}, o.Codes) {
		return fmt.Errorf("lut: codes %q, want ascending or twos", o.Codes)
	}
	return nil
}

// Loaded is what a file or a spec held.
type Loaded struct {
	Table     *Table
	Gradients Gradients // zero if the file has none
	Format    string    // name of the format, or "spec"
	Assumed   []string  // what was assumed of the file, and the table's digest

	// Published are the figures that the file states about its multiplier,
	// in its order.
	Published []Published
}

// Published is one figure that a file states about its multiplier, such as
// "MAE = 426" or "PDK45_PWR = 0.237 mW".
type Published struct {
	Key   string `json:"key"`   // as printed: "MAE%", "PDK45_PWR"
	Value string `json:"value"` // as printed, a decimal number
	Unit  string `json:"unit"`  // as printed, often empty

	// Recomputed is the same figure taken from the products, nil where they
	// do not tell it (power, area, delay) or the key is not known.
	Recomputed *float64 `json:"recomputed,omitempty"`

	// Differs says that Recomputed does not round to Value.
	Differs bool `json:"differs,omitempty"`
}

// A Format is a way to keep multipliers in files.
type Format struct {
	// Name is what LoadOptions.From and Save call it.
	Name string

	// Circuit says that files hold netlists: LoadOptions.Top and Cells apply.
	Circuit bool

	// Detect reports whether a file is of this format, from its path and
	// from its first bytes (at most HeadSize).
	Detect func(path string, head []byte) bool

	// Read reads the multiplier. Its path is for messages and for the name
	// of the table. It returns a *FormatError for faults of the file.
	Read func(r io.Reader, path string, o LoadOptions) (*Loaded, error)

	// Write writes t, and g if it is not zero; nil if the format is only
	// read.
	Write func(w io.Writer, t *Table, g Gradients) error
}

// HeadSize is the number of bytes of a file that Format.Detect sees.
const HeadSize = 4096

// The formats of this package stand in the table from the start; others
// register in an init, in the manner of image.RegisterFormat.
var (
	formatsMu sync.RWMutex
	formats   = []Format{
		npyFormat, npzFormat, mengFormat,
		tfapproxFormat, adaptFormat, approxTorchFormat, approxTrainFormat, bytes32Format,
	}
)

// RegisterFormat makes a format known to [Load] and [Save]. Formats are asked
// in the order of their registration, those of this package first. It panics if the name is taken or Detect or Read is nil.
func RegisterFormat(f Format) {
	if f.Name == "" || f.Detect == nil || f.Read == nil {
		panic("lut: RegisterFormat: format " + f.Name + " needs a name, Detect and Read")
	}
	formatsMu.Lock()
	defer formatsMu.Unlock()
	if slices.ContainsFunc(formats, func(g Format) bool { return g.Name == f.Name }) {
		panic("lut: RegisterFormat: format " + f.Name + " is registered twice")
	}
	formats = append(formats, f)
}

// Formats returns the names of the known formats.
func Formats() []string {
	var names []string
	for _, f := range known() {
		names = append(names, f.Name)
	}
	return names
}

func known() []Format {
	formatsMu.RLock()
	defer formatsMu.RUnlock()
	return slices.Clone(formats)
}

func formatNamed(name string) (Format, error) {
	all := known()
	for _, f := range all {
		if f.Name == name {
			return f, nil
		}
	}
	return Format{}, fmt.Errorf("format %q, want one of %s%s", name, strings.Join(Formats(), ", "), didYouMean(name, Formats()))
}

// Resolve returns the multiplier that a user named: a spec such as
// "trunc:8u,cols=8" (see [ParseSpec]), or else a file (see [Load]). The names
// "float" and "exact" are not multipliers of their own and are left to the
// caller.
func Resolve(nameOrPath string, o LoadOptions) (*Loaded, error) {
	if !IsSpec(nameOrPath) {
		return Load(nameOrPath, o)
	}
	if o != (LoadOptions{}) {
		return nil, fmt.Errorf("lut: %s: a spec takes no format, order, sign, codes, top or cells: it says all of itself", nameOrPath)
	}
	s, err := ParseSpec(nameOrPath)
	if err != nil {
		return nil, err
	}
	t, err := s.Table()
	if err != nil {
		return nil, err
	}
	return &Loaded{Table: t, Format: "spec", Assumed: []string{
		fmt.Sprintf("built from the spec %s: weight %v × activation %v", s, t.W(), t.X()),
		"sha256 " + t.SHA256(),
	}}, nil
}

// Load reads a multiplier from a file. The format is o.From, or else that of
// the first known format which recognises the file. Faults of the file are
// reported as a *FormatError that carries its path.
func Load(path string, o LoadOptions) (*Loaded, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("lut: %w", missing(path, err))
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil {
		return nil, fmt.Errorf("lut: %w", err)
	} else if info.IsDir() {
		return nil, fmt.Errorf("lut: %s is a folder, want a file", path)
	}

	head := make([]byte, HeadSize)
	n, err := io.ReadFull(file, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("lut: %w", err)
	}
	head = head[:n]

	f, err := choose(path, head, o.From)
	if err != nil {
		return nil, fmt.Errorf("lut: %w", err)
	}
	if !f.Circuit && (o.Top != "" || o.Cells != "") {
		return nil, fmt.Errorf("lut: %w", &FormatError{Path: path, Err: fmt.Errorf("a file of format %s has no modules: top and cells are for netlists", f.Name)})
	}
	l, err := f.Read(io.MultiReader(bytes.NewReader(head), file), path, o)
	if err != nil {
		var fault *FormatError
		if errors.As(err, &fault) && fault.Path == "" {
			fault.Path = path
		}
		return nil, fmt.Errorf("lut: %s: %w", f.Name, err)
	}
	l.Format = f.Name
	l.Assumed = append(l.Assumed, "sha256 "+l.Table.SHA256())
	return l, nil
}

// missing says what a name could have meant when it is no file.
func missing(path string, err error) error {
	if !errors.Is(err, os.ErrNotExist) || strings.ContainsRune(path, filepath.Separator) {
		return err
	}
	return fmt.Errorf("%s is neither a file nor a spec such as trunc:8u,cols=8 (families: %s)%s: %w",
		path, strings.Join(familyNames(), ", "), didYouMean(path, familyNames()), os.ErrNotExist)
}

func choose(path string, head []byte, from string) (Format, error) {
	if from != "" {
		return formatNamed(from)
	}
	if len(head) == 0 {
		return Format{}, &FormatError{Path: path, Err: errors.New("empty file")}
	}
	for _, f := range known() {
		if f.Detect(path, head) {
			return f, nil
		}
	}
	return Format{}, &FormatError{Path: path, Err: fmt.Errorf("format not recognised, name it (%s)", strings.Join(Formats(), ", "))}
}

// Save writes t, and g if it is not zero, to a file of the named format. The
// file appears complete or not at all: it is written under a temporary name in
// the same folder, synced and renamed.
func Save(path string, format string, t *Table, g Gradients) error {
	f, err := formatNamed(format)
	if err != nil {
		return fmt.Errorf("lut: %w", err)
	}
	if f.Write == nil {
		return fmt.Errorf("lut: format %s can be read but not written", format)
	}
	return WriteFile(path, func(w io.Writer) error { return f.Write(w, t, g) })
}

// nameFromPath returns the file's name without folder and extension, the name
// of a table that a file does not name.
func nameFromPath(path string) string {
	base := filepath.Base(path)
	name := strings.TrimSuffix(base, filepath.Ext(base))
	if path == "" || name == "" {
		return "multiplier"
	}
	return name
}

// axes is how a file orders its operands, resolved from LoadOptions and the
// format's own convention. It says so in the words of Loaded.Assumed.
type axes struct {
	xw      bool // the activation comes first
	twos    bool // signed operands run 0 … max, min … −1
	assumed []string
}

// resolveAxes settles the order of operands and of codes. order is the
// format's own, "wx" or "xw"; first and second say what the places are, as in
// "selects the row".
func resolveAxes(o LoadOptions, order string, first, second string) axes {
	var a axes
	how := "as asked"
	if o.Order == "" {
		how = "assumed"
	} else {
		order = o.Order
	}
	a.xw = order == "xw"
	a.twos = o.Codes == "twos"
	if a.xw {
		a.assumed = append(a.assumed, fmt.Sprintf("operand order xw (%s): the activation %s, the weight %s", how, first, second))
	} else {
		a.assumed = append(a.assumed, fmt.Sprintf("operand order wx (%s): the weight %s, the activation %s", how, first, second))
	}
	return a
}

// describeOperands is the line of Loaded.Assumed about widths and signs. how
// tells where the sign came from.
func describeOperands(w, x Operand, how string) string {
	return fmt.Sprintf("weight %v × activation %v: sign %s", w, x, how)
}

// describeCodes is the line of Loaded.Assumed about the order of codes; twos
// tells the order of signed ones.
func describeCodes(o LoadOptions, signed, twos bool) string {
	how := "assumed"
	if o.Codes != "" {
		how = "as asked"
	}
	switch {
	case !signed:
		return "codes ascending from 0"
	case twos:
		return fmt.Sprintf("codes in two's-complement order (%s)", how)
	}
	return fmt.Sprintf("codes ascending from the least value (%s)", how)
}
