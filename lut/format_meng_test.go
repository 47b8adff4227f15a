package lut_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"gputrain/lut"
)

// mengLines is a text of 2-bit products, lines 1 to 2 the header, 3 the title, 4
// to 19 the table.
func mengLines() []string {
	lines := []string{"INFO: made by hand", "", "LUT for approximate multiplier:"}
	for a := range 4 {
		for b := range 4 {
			lines = append(lines, fmt.Sprintf("%d %d %d", a, b, a*b))
		}
	}
	return lines
}

// mengGradientLines adds both gradients, titles on lines 20 and 37.
func mengGradientLines() []string {
	lines := mengLines()
	table := lines[3:]
	lines = append(lines, "LUT for the gradient of the approximate multiplier w.r.t. the first operand:")
	lines = append(lines, table...)
	lines = append(lines, "LUT for the gradient of the approximate multiplier w.r.t. the second operand:")
	return append(lines, table...)
}

func TestMengErrors(t *testing.T) {
	set := func(lines []string, line int, text string) []string {
		lines[line-1] = text
		return lines
	}
	drop := func(lines []string, line int) []string { return append(lines[:line-1:line-1], lines[line:]...) }
	yes, no := signed(true), signed(false)
	for _, tt := range []struct {
		name  string
		lines []string
		o     lut.LoadOptions
		line  int
		want  string // "" for a text that is accepted
	}{
		{"plain", mengLines(), lut.LoadOptions{}, 0, ""},
		{"gradients", mengGradientLines(), lut.LoadOptions{}, 0, ""},
		{"blank lines and blanks", append(set(mengLines(), 4, "  0\t0   0\r"), "", "  "), lut.LoadOptions{}, 0, ""},
		{"another order of lines", append(drop(mengLines(), 4), "0 0 0"), lut.LoadOptions{}, 0, ""},
		{"patterns", mengLines(), lut.LoadOptions{Signed: yes, Codes: "twos"}, 0, ""},

		{"duplicate", set(mengLines(), 9, "1 0 0"), lut.LoadOptions{}, 9, "operands (1, 0) are there twice, first on line 8"},
		{"duplicate at the end", append(mengLines(), "3 3 9"), lut.LoadOptions{}, 20, "(3, 3) are there twice, first on line 19"},
		{"gap", drop(mengLines(), 9), lut.LoadOptions{}, 9, "15 of 16 pairs of operands, (1, 1) is missing here"},
		{"gap at the start", drop(mengLines(), 4), lut.LoadOptions{}, 4, "(0, 0) is missing here"},
		{"cut short", mengLines()[:10], lut.LoadOptions{}, 11, "7 of 16 pairs of operands, (1, 3) is missing here"},
		{"cut within a line", set(mengLines(), 19, "3 3"), lut.LoadOptions{}, 19, `"3 3", want two operands and a value`},
		{"out of range", set(mengLines(), 9, "1 4 4"), lut.LoadOptions{}, 9, "operand 4 outside [0, 3]"},
		{"far out of range", set(mengLines(), 9, "1 256 4"), lut.LoadOptions{}, 9, "operand 256 outside [-128, 255]"},
		{"negative", set(mengLines(), 9, "-1 1 1"), lut.LoadOptions{Signed: no}, 9, "negative operand"},
		{"out of the signed range", set(mengLines(), 9, "-1 1 1"), lut.LoadOptions{}, 6, "operand 2 outside [-2, 1]"},
		{"negative pattern", set(mengLines(), 9, "-1 1 1"), lut.LoadOptions{Signed: yes, Codes: "twos"}, 9, "negative operand"},
		{"no negative", mengLines(), lut.LoadOptions{Signed: yes}, 3, "no negative operand"},
		{"twos unsigned", mengLines(), lut.LoadOptions{Codes: "twos"}, 3, "codes twos without signed"},
		{"four numbers", set(mengLines(), 9, "1 1 1 1"), lut.LoadOptions{}, 9, "want two operands and a value"},
		{"words", set(mengLines(), 9, "1 one 1"), lut.LoadOptions{}, 9, `"one", want an integer`},
		{"fraction", set(mengLines(), 9, "1 1 1.5"), lut.LoadOptions{}, 9, `"1.5", want an integer`},
		{"product", set(mengLines(), 9, "1 1 2147483648"), lut.LoadOptions{}, 9, "fits an int32"},
		{"no title", mengLines()[3:], lut.LoadOptions{From: "meng"}, 16, `no line "LUT for approximate multiplier:"`},
		{"no lines", mengLines()[:3], lut.LoadOptions{}, 4, "0 of 16 pairs"},
		{"title twice", append(mengLines(), mengLines()[2]), lut.LoadOptions{}, 20, "a second section"},
		{"one gradient", mengGradientLines()[:36], lut.LoadOptions{}, 36, "one operand only"},
		{"gradients only", mengGradientLines()[19:], lut.LoadOptions{From: "meng"}, 34, "no line"},
		{"gap in a gradient", drop(mengGradientLines(), 40), lut.LoadOptions{}, 40, "(0, 2) is missing here"},
		{"gradient of another width", set(mengGradientLines(), 40, "0 9 2"), lut.LoadOptions{}, 40, "operand 9 outside [0, 3]"},
		{"steep gradient", set(mengGradientLines(), 40, "0 2 40000"), lut.LoadOptions{}, 40, "gradient 40000 outside"},
	} {
		_, err := loadBytes(t, []byte(strings.Join(tt.lines, "\n")), tt.o)
		if tt.want == "" {
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		var fault *lut.FormatError
		if !errors.As(err, &fault) || fault.Line != tt.line || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want line %d and %q", tt.name, err, tt.line, tt.want)
		}
	}
}

// TestMengLongHeader: the title may lie beyond the part of a file that Detect
// sees; then the name of the file tells.
func TestMengLongHeader(t *testing.T) {
	text := strings.Repeat("Warning: a net is not driven\n", 1000) + strings.Join(mengLines(), "\n")
	if _, err := loadBytes(t, []byte(text), lut.LoadOptions{}); err == nil || !strings.Contains(err.Error(), "not recognised") {
		t.Errorf("a long header: %v, want a format that is not recognised", err)
	}
	l, err := loadBytes(t, []byte(text), lut.LoadOptions{From: "meng"})
	if err != nil {
		t.Fatal(err)
	}
	if want := lut.New("", lut.Unsigned(2), lut.Unsigned(2), exactProduct); l.Table.SHA256() != want.SHA256() {
		t.Errorf("products %v", l.Table.Products())
	}
}
