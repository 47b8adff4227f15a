package netlist

import (
	"math"
	"strconv"
	"strings"

	"gputrain/lut"
)

// Bounds on the figures of a header.
const (
	maxPublished = 64
	maxComment   = 512 // bytes of a comment line that are looked at
)

// A header gathers the published figures of the comments that precede the
// first module: lines of the form
//
//	KEY = NUMBER [UNIT]
//
// such as "WCE% = 6.23 %" or "PDK45_PWR = 0.237 mW" of EvoApproxLib. Other
// lines are prose and passed over.
type header struct {
	figures []lut.Published
	line    []byte
}

// add takes the next byte of a comment; '\n' ends a line.
func (h *header) add(b byte) {
	if b != '\n' {
		if len(h.line) <= maxComment {
			h.line = append(h.line, b)
		}
		return
	}
	if f, ok := figure(string(h.line)); ok && len(h.line) <= maxComment && len(h.figures) < maxPublished {
		h.figures = append(h.figures, f)
	}
	h.line = h.line[:0]
}

// figure reads one line of a header.
func figure(line string) (lut.Published, bool) {
	key, rest, ok := strings.Cut(line, "=")
	key = strings.TrimSpace(key)
	fields := strings.Fields(rest)
	if !ok || key == "" || len(fields) < 1 || len(fields) > 2 {
		return lut.Published{}, false
	}
	for i, c := range []byte(key) {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		other := '0' <= c && c <= '9' || c == '_' || c == '%' && i == len(key)-1
		if !letter && (i == 0 || !other) {
			return lut.Published{}, false
		}
	}
	if _, _, ok := printed(fields[0]); !ok {
		return lut.Published{}, false
	}
	f := lut.Published{Key: key, Value: fields[0]}
	if len(fields) == 2 {
		f.Unit = fields[1]
	}
	return f, true
}

// printed returns the value of a decimal number as printed and half a unit in
// its last place, by which rounding may have moved it.
func printed(s string) (value, half float64, ok bool) {
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && !strings.ContainsRune("+-.eE", rune(c)) {
			return 0, 0, false // ParseFloat knows more: hexadecimals, underscores, Inf
		}
	}
	value, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0, 0, false
	}
	mantissa, exponent := s, 0
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		mantissa = s[:i]
		exponent, err = strconv.Atoi(s[i+1:])
		if err != nil {
			return 0, 0, false
		}
	}
	if i := strings.IndexByte(mantissa, '.'); i >= 0 {
		exponent -= len(mantissa) - i - 1
	}
	return value, 0.5 * math.Pow10(exponent), true
}

// Compare returns the published figures with those recomputed that m tells,
// and whether they differ by more than the rounding of the printed number. Keys
// and units are those of EvoApproxLib, whose MAE% and WCE% are per cent of
// 2^(bits of both operands), and whose MRE and WCRE leave out the pairs with an
// exact product of 0.
func (m Metrics) Compare(published []lut.Published) []lut.Published {
	percent := 100 / math.Pow(2, float64(m.pairBits))
	known := map[string]float64{
		"MAE": m.MED, "MAE%": m.MED * percent,
		"WCE": float64(m.WCE), "WCE%": float64(m.WCE) * percent,
		"WCRE%": 100 * m.WCRE,
		"EP%":   100 * m.ER,
		"MRE%":  100 * m.MRED,
		"MSE":   m.MSE,
	}
	var out []lut.Published
	for _, p := range published {
		if v, ok := known[p.Key]; ok {
			value, half, _ := printed(p.Value)
			p.Recomputed = &v
			// Beside the rounding of the print, one of float64 in v.
			p.Differs = math.Abs(v-value) > half+1e-12*math.Abs(v)
		}
		out = append(out, p)
	}
	return out
}
