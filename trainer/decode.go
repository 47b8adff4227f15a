package trainer

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// decode lays a YAML document, and then settings, over base. It goes on after
// a fault and returns all of them, which the library's own strict decoder does
// not.
func decode(base *Recipe, name string, text []byte, settings []Setting) (*Recipe, Faults) {
	d := decoder{file: name, place: map[string]place{}}
	root := reflect.ValueOf(base).Elem()
	if n := d.parse(text); n != nil {
		d.value(n, root, "")
	}
	for _, s := range settings {
		d.file = s.Origin
		d.setting = true
		d.set(s, root)
	}
	base.place = d.place
	return base, d.faults
}

type decoder struct {
	file    string
	setting bool // the text is the value of a setting: lines mean nothing
	place   map[string]place
	faults  Faults
}

func (d *decoder) at(n ast.Node) place {
	if d.setting {
		return place{file: d.file}
	}
	if list, ok := entries(n); ok && len(list) > 0 && !list[0].IsFlowStyle {
		n = list[0].Key // the token of a block mapping is its first colon
	}
	p := n.GetToken().Position
	return place{d.file, p.Line, p.Column}
}

func (d *decoder) fault(n ast.Node, path string, want string) {
	p := d.at(n)
	d.faults = append(d.faults, &InputError{File: p.file, Line: p.line, Column: p.column, Field: path, Got: describe(n), Want: want})
}

func (d *decoder) faultf(n ast.Node, got, want, format string, args ...any) {
	p := d.at(n)
	d.faults = append(d.faults, &InputError{File: p.file, Line: p.line, Column: p.column, Got: got, Want: want, Err: fmt.Errorf(format, args...)})
}

// parse returns the body of the only document in text, nil if there is none or
// it is not YAML.
func (d *decoder) parse(text []byte) (body ast.Node) {
	bad := func(e InputError) {
		e.File = d.file
		d.faults = append(d.faults, &e)
	}
	if len(text) > maxRecipe {
		bad(InputError{Got: fmt.Sprint(len(text)), Want: fmt.Sprint(maxRecipe),
			Err: fmt.Errorf("longer than the %d bytes of a recipe", maxRecipe)})
		return nil
	}
	if !utf8.Valid(text) {
		bad(InputError{Err: errors.New("not UTF-8")})
		return nil
	}
	if depth(text) > 64 {
		bad(InputError{Err: errors.New("nested more than 64 deep")})
		return nil
	}
	// The parser has bugs of its own; a broken recipe must not take the program
	// down.
	defer func() {
		if r := recover(); r != nil {
			bad(InputError{Err: fmt.Errorf("not YAML: %v", r)})
			body = nil
		}
	}()
	f, err := parser.ParseBytes(text, 0)
	if err != nil {
		e := InputError{Err: errors.New("not YAML")}
		var ye yaml.Error
		if errors.As(err, &ye) {
			e.Err = fmt.Errorf("not YAML: %s", ye.GetMessage())
			if t := ye.GetToken(); t != nil && t.Position != nil && !d.setting {
				e.Line, e.Column = t.Position.Line, t.Position.Column
			}
		}
		bad(e)
		return nil
	}
	if len(f.Docs) > 1 && f.Docs[1].Body != nil {
		d.faultf(f.Docs[1].Body, "", "", "a second document, want one")
	}
	if len(f.Docs) == 0 {
		return nil
	}
	return f.Docs[0].Body
}

// depth returns the greatest number of brackets open at once, taking those
// inside quotes for brackets too, or of list indicators ("- - -") in a row.
func depth(text []byte) (deepest int) {
	open, inRow := 0, 0
	for i, c := range text {
		switch {
		case c == '[' || c == '{':
			open++
		case c == ']' || c == '}':
			open = max(open-1, 0)
		case c == '-' && i+1 < len(text) && text[i+1] == ' ':
			inRow++
		}
		if !bytes.ContainsRune([]byte("-? "), rune(c)) {
			inRow = 0
		}
		deepest = max(deepest, open, inRow)
	}
	return deepest
}

// set applies one setting: it walks the path down the fields of root, then
// decodes the value there.
func (d *decoder) set(s Setting, root reflect.Value) {
	if !utf8.ValidString(s.Path + s.Value) {
		d.faults = append(d.faults, &InputError{File: d.file, Err: errors.New("not UTF-8")})
		return
	}
	at, v, rest, path := s.Path, root, s.Path, ""
	for rest != "" && v.Kind() == reflect.Struct {
		var name string
		name, rest, _ = strings.Cut(rest, ".")
		f, ok := field(v, name)
		if !ok {
			d.unknown(nil, v, path, name)
			return
		}
		path, v = join(path, name), f
	}
	if rest != "" { // the name of a layer may hold dots
		switch rules := v.Addr().Interface().(type) {
		case *LayerRules:
			*rules = rules.with(LayerRule{rest, s.Value})
			d.place[at] = place{file: d.file}
		case *EstimatorRules:
			if n := d.parse([]byte(s.Value)); n != nil {
				d.estimator(n, rest, rules, path)
			}
		default:
			d.faults = append(d.faults, &InputError{File: d.file, Got: s.Path, Want: path,
				Err: fmt.Errorf("%s has no fields, want %s=value", path, path)})
		}
		return
	}
	if v.Kind() == reflect.String && !strings.HasPrefix(s.Value, `"`) && !strings.HasPrefix(s.Value, "'") {
		v.SetString(s.Value)
		d.place[path] = place{file: d.file}
		return
	}
	before := len(d.faults)
	n := d.parse([]byte(s.Value))
	switch {
	case n != nil && n.Type() == ast.NullType: // back to the default
		v.SetZero()
		delete(d.place, path)
	case n != nil:
		d.value(n, v, path)
	case len(d.faults) == before:
		d.faults = append(d.faults, &InputError{File: d.file, Field: path, Got: `""`, Want: wanted(v)})
	}
}

// value decodes n into v, the field at path.
func (d *decoder) value(n ast.Node, v reflect.Value, path string) {
	if _, null := n.(*ast.NullNode); null {
		return // "train:" with nothing under it gives nothing
	}
	if v.Kind() != reflect.Struct {
		d.place[path] = d.at(n)
	}
	switch p := v.Addr().Interface().(type) {
	case *LayerRules:
		d.rules(n, p, path)
		return
	case *EstimatorRules:
		d.estimators(n, p, path)
		return
	case *HWS:
		d.hws(n, p, path)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.fields(n, v, path)
	case reflect.Slice:
		d.list(n, v, path)
	case reflect.Pointer:
		p := reflect.New(v.Type().Elem())
		if d.scalar(n, p.Elem()) {
			v.Set(p)
		} else {
			d.fault(n, path, wanted(v))
		}
	default:
		if !d.scalar(n, v) {
			d.fault(n, path, wanted(v))
		}
	}
}

// entries returns the key-value pairs of a mapping.
func entries(n ast.Node) ([]*ast.MappingValueNode, bool) {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	}
	return nil, false
}

func (d *decoder) fields(n ast.Node, v reflect.Value, path string) {
	list, ok := entries(n)
	if !ok {
		where := path
		if where == "" {
			where = "the recipe"
		}
		d.fault(n, where, wanted(v))
		return
	}
	for _, e := range list {
		name := e.Key.GetToken().Value
		f, ok := field(v, name)
		if !ok {
			d.unknown(e.Key, v, path, name)
			continue
		}
		d.value(e.Value, f, join(path, name))
	}
}

// unknown reports a name that is no field of v. key is nil in settings.
func (d *decoder) unknown(key ast.Node, v reflect.Value, path, name string) {
	names := fieldNames(v)
	e := &InputError{File: d.file, Field: join(path, name), Got: name, Want: oneOf(names)}
	if key != nil {
		p := d.at(key)
		e.File, e.Line, e.Column = p.file, p.line, p.column
	}
	switch best := nearest(name, names); {
	case best != "":
		e.Want = best
		e.Err = fmt.Errorf("unknown field, did you mean %s?", join(path, best))
	case strings.Contains(name, "=") && key != nil:
		e.Err = errors.New("unknown field: a value that holds a comma needs quotes here")
	default:
		e.Err = fmt.Errorf("unknown field, want %s", e.Want)
	}
	d.faults = append(d.faults, e)
}

func (d *decoder) list(n ast.Node, v reflect.Value, path string) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		d.fault(n, path, wanted(v))
		return
	}
	out := reflect.MakeSlice(v.Type(), len(seq.Values), len(seq.Values))
	for i, e := range seq.Values {
		element := fmt.Sprintf("%s[%d]", path, i)
		d.place[element] = d.at(e)
		if !d.scalar(e, out.Index(i)) {
			d.fault(e, element, wanted(out.Index(i)))
		}
	}
	v.Set(out)
}

func (d *decoder) rules(n ast.Node, l *LayerRules, path string) {
	list, ok := entries(n)
	if !ok {
		d.fault(n, path, "a mapping of layer names to multipliers")
		return
	}
	for _, e := range list {
		pattern := e.Key.GetToken().Value
		var m string
		if !d.scalar(e.Value, reflect.ValueOf(&m).Elem()) {
			d.fault(e.Value, join(path, pattern), "a multiplier, as text")
			continue
		}
		*l = l.with(LayerRule{pattern, m})
		d.place[join(path, pattern)] = d.at(e.Value)
	}
}

func (d *decoder) estimators(n ast.Node, l *EstimatorRules, path string) {
	list, ok := entries(n)
	if !ok {
		d.fault(n, path, "a mapping of layer names to estimators")
		return
	}
	for _, e := range list {
		d.estimator(e.Value, e.Key.GetToken().Value, l, path)
	}
}

// estimator decodes one rule: a mapping of fields, or the name of a method.
func (d *decoder) estimator(n ast.Node, pattern string, l *EstimatorRules, path string) {
	r := EstimatorRule{Pattern: pattern}
	at := join(path, pattern)
	d.place[at] = d.at(n)
	if d.scalar(n, reflect.ValueOf(&r.Method).Elem()) {
		d.place[join(at, "method")] = d.at(n)
	} else if _, ok := entries(n); ok {
		d.fields(n, reflect.ValueOf(&r.Estimator).Elem(), at)
	} else {
		d.fault(n, at, "an estimator, as in ste or {method: lut2d, hws: 4}")
		return
	}
	*l = l.with(r)
}

func (d *decoder) hws(n ast.Node, h *HWS, path string) {
	var word string
	if d.scalar(n, reflect.ValueOf(&word).Elem()) {
		for _, w := range []HWS{HWSAuto, HWSProbe} {
			if word == w.String() {
				*h = w
				return
			}
		}
	}
	var size int
	if !d.scalar(n, reflect.ValueOf(&size).Elem()) || size < 1 {
		d.fault(n, path, "a number ≥ 1, or auto")
		return
	}
	*h = HWS(size)
}

// scalar decodes n into v and reports whether its type is right. Numbers are
// not taken for text, nor text for numbers, except that the parser calls 1e-3
// text, as YAML 1.1 did.
func (d *decoder) scalar(n ast.Node, v reflect.Value) bool {
	switch v.Kind() {
	case reflect.String:
		switch n := n.(type) {
		case *ast.StringNode:
			v.SetString(n.Value)
			return true
		case *ast.LiteralNode:
			v.SetString(n.Value.Value)
			return true
		}
	case reflect.Bool:
		if n, ok := n.(*ast.BoolNode); ok {
			v.SetBool(n.Value)
			return true
		}
	case reflect.Int:
		if n, ok := n.(*ast.IntegerNode); ok {
			i, err := strconv.ParseInt(fmt.Sprint(n.Value), 10, 0)
			v.SetInt(i)
			return err == nil
		}
	case reflect.Uint64:
		if n, ok := n.(*ast.IntegerNode); ok {
			u, err := strconv.ParseUint(fmt.Sprint(n.Value), 10, 64)
			v.SetUint(u)
			return err == nil
		}
	case reflect.Float64:
		var f float64
		var err error
		switch n := n.(type) {
		case *ast.IntegerNode:
			f, err = strconv.ParseFloat(fmt.Sprint(n.Value), 64)
		case *ast.FloatNode:
			f = n.Value
		case *ast.StringNode:
			if n.GetToken().Type != token.StringType {
				return false // in quotes
			}
			f, err = strconv.ParseFloat(n.Value, 64)
		default:
			return false
		}
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return false
		}
		v.SetFloat(f)
		return true
	}
	return false
}

// describe names what a node is, for Got.
func describe(n ast.Node) string {
	switch n := n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	case *ast.StringNode:
		return strconv.Quote(n.Value)
	case *ast.LiteralNode:
		return "a text of several lines"
	case *ast.AliasNode, *ast.AnchorNode, *ast.TagNode, *ast.MergeKeyNode:
		return "an anchor, alias or tag"
	case *ast.NullNode:
		return "null"
	}
	return n.GetToken().Value
}

// wanted describes what a field holds, for Want.
func wanted(v reflect.Value) string {
	if _, ok := v.Interface().(HWS); ok {
		return "a number ≥ 1, or auto"
	}
	switch v.Kind() {
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "a whole number"
	case reflect.Uint64:
		return "a whole number ≥ 0"
	case reflect.Float64:
		return "a number"
	case reflect.Pointer:
		return wanted(reflect.New(v.Type().Elem()).Elem())
	case reflect.Slice:
		return "a list, as in [a, b]"
	}
	return "a mapping of its fields"
}

// field returns the field of struct v with a YAML name. Those of an embedded
// struct are v's own.
func field(v reflect.Value, name string) (reflect.Value, bool) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Anonymous {
			if inner, ok := field(v.Field(i), name); ok {
				return inner, true
			}
		}
		if yamlName(f) == name && name != "" {
			return v.Field(i), true
		}
	}
	return reflect.Value{}, false
}

func fieldNames(v reflect.Value) (names []string) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Anonymous {
			names = append(names, fieldNames(v.Field(i))...)
		}
		if name := yamlName(f); name != "" {
			names = append(names, name)
		}
	}
	return names
}

func yamlName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	return name
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// oneOf lists the values that a field may take.
func oneOf(names []string) string {
	if len(names) == 1 {
		return names[0]
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}

// nearest returns the name that takes the fewest edits to make from s, "" if
// even that takes more than a third of its letters, or two.
func nearest(s string, names []string) string {
	best, least := "", math.MaxInt
	for _, n := range names {
		if d := edits(s, n); d < least {
			best, least = n, d
		}
	}
	if least > max(2, len(best)/3) || least >= len(best) {
		return ""
	}
	return best
}

// edits is the Levenshtein distance of a and b in bytes.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// sortedKeys returns the keys of m in order.
func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}
