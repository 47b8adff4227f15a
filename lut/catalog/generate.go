//go:build ignore

// This program writes circuits.tsv from the figures that are kept with the
// multipliers in the shared data:
//
//	go run generate.go [-mults DIR]
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"sort"
	"strconv"

	"gputrain/lut"
	"gputrain/lut/catalog"
)

const head = `# Published figures of multipliers: facts, taken from
# EvoApproxLib, github.com/ehw-fit/evoapproxlib (MIT), branches master (%s) and v2022 (%s):
#   power, area and delay with FreePDK45; nmed is MED/2^(bits of a and b)
# Meng, Burleson, Qian, De Micheli, DATE 2025: Table I (table1), with ASAP7 at 1 GHz; nmed is MED/(2^(bits of a and b)-1);
#   and the circuits of its code that differ from the table (code)
# sha256 is over the products, little-endian int32, row = pattern of port a, column = pattern of port b.
# Written by generate.go: do not edit.
# source	name	a	b	er_pct	nmed_pct	med	mred_pct	wce	mse	power_uw	area_um2	delay_ps	sha256
`

// evoapprox is evoapprox/catalog.json.
type evoapprox struct {
	Branches map[string]struct {
		Commit string `json:"commit"`
	} `json:"branches"`
	Multipliers []struct {
		Branch    string             `json:"branch"`
		Name      string             `json:"name"`
		BitsA     int                `json:"bits_a"`
		BitsB     int                `json:"bits_b"`
		Signed    bool               `json:"signed"`
		Published map[string]float64 `json:"published"`
		Digest    *string            `json:"sha256_product_i32le"`
	} `json:"multipliers"`
}

// table1 is paper/table1.json.
type table1 struct {
	Rows map[string]map[string]*float64 `json:"table1"`
}

func main() {
	log.SetFlags(0)
	mults := flag.String("mults", filepath.Join("..", "..", "..", "shared", "mults"), "the folder of multipliers")
	flag.Parse()

	var evo evoapprox
	read(filepath.Join(*mults, "evoapprox", "catalog.json"), &evo)
	var paper table1
	read(filepath.Join(*mults, "paper", "table1.json"), &paper)

	var b bytes.Buffer
	fmt.Fprintf(&b, head, evo.Branches["master"].Commit[:10], evo.Branches["v2022"].Commit[:10])
	v2022 := map[string]string{}
	for _, m := range evo.Multipliers {
		sign := "u"
		if m.Signed {
			sign = "s"
		}
		digest := ""
		if m.Digest != nil {
			digest = *m.Digest
		}
		if m.Branch == "v2022" {
			v2022[m.Name] = digest
		}
		p := m.Published
		row(&b, m.Branch, m.Name, fmt.Sprint(m.BitsA, sign), fmt.Sprint(m.BitsB, sign),
			number(p["EP_pct"]), number(p["MAE_pct"]), number(p["MAE"]), number(p["MRE_pct"]), number(p["WCE"]), number(p["MSE"]),
			number(1000*p["power_mW"]), number(p["area_um2"]), number(1000*p["delay_ns"]), digest)
	}

	var names []string
	for name := range paper.Rows {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		r := paper.Rows[name]
		width := name[3:4] + "u"
		row(&b, "table1", name, width, width, number(*r["ER_pct"]), number(*r["NMED_pct"]), "", "", number(*r["MaxED"]), "",
			number(*r["power_uW"]), number(*r["area_um2"]), number(*r["delay_ps"]), paperDigest(*mults, name, v2022))
	}
	// The truncated 7-bit multiplier that ships is another than that of the
	// table, whose three error figures are those with a constant of 48.
	row(&b, "code", "mul7u_rm6", "7u", "7u", "", "", "", "", "", "", "", "", "", tableDigest(*mults, "mul7u_rm6"))

	if err := os.WriteFile("circuits.tsv", b.Bytes(), 0o644); err != nil {
		log.Fatal(err)
	}
}

// paperDigest returns the digest of a multiplier of Table I: of its products if
// they ship, else of the circuit of that name in EvoApproxLib v2022, whence the
// authors took it, else none.
func paperDigest(mults, name string, v2022 map[string]string) string {
	if exact, ok := map[string]int{"mul6u_acc": 6, "mul7u_acc": 7, "mul8u_acc": 8}[name]; ok {
		o := lut.Unsigned(exact)
		return catalog.Digest(lut.New(name, o, o, func(W, X int) int { return W * X }), "wx")
	}
	if name == "mul7u_rm6" {
		return tableDigest(mults, "mul7u_rm6_c48_derived")
	}
	if _, err := os.Stat(filepath.Join(mults, "paper", name, "product.npy")); err == nil {
		return tableDigest(mults, name)
	}
	return v2022[name]
}

// tableDigest returns the digest of a table, whose rows are port A.
func tableDigest(mults, name string) string {
	l, err := lut.Load(filepath.Join(mults, "paper", name, "product.npy"), lut.LoadOptions{})
	if err != nil {
		log.Fatal(err)
	}
	return catalog.Digest(l.Table, "wx")
}

func row(b *bytes.Buffer, columns ...string) {
	for i, c := range columns {
		if i > 0 {
			b.WriteByte('\t')
		}
		b.WriteString(c)
	}
	b.WriteByte('\n')
}

// number formats a published figure; thousandfold ones have lost no digit.
func number(v float64) string { return strconv.FormatFloat(v, 'g', 12, 64) }

func read(path string, v any) {
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, v)
	}
	if err != nil {
		log.Fatalf("%s: %v", path, err)
	}
}
