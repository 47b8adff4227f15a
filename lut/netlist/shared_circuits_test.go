package netlist_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gputrain/lut"
	_ "gputrain/lut/netlist"
)

// sharedCircuits returns the netlists of the shared folder.
func sharedCircuits(t *testing.T) []string {
	root := sharedFile(t, "mults")
	var files []string
	for _, pattern := range []string{"paper/*/*.v", "paper/*/*.blif", "evoapprox/*/*.v"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) < 29 {
		t.Fatalf("%d circuits under %s, want 29", len(files), root)
	}
	return files
}

// layout returns the products in the layout of the shared files: row = bit
// pattern of the first port, column = of the second.
func layout(t *lut.Table) []int32 {
	w, x := t.W(), t.X()
	p := make([]int32, 0, w.Count()*x.Count())
	for a := range x.Count() { // the first port is the activation
		for b := range w.Count() {
			W, X := b, a
			if w.Signed && W > w.Max() {
				W -= w.Count()
			}
			if x.Signed && X > x.Max() {
				X -= x.Count()
			}
			p = append(p, t.At(W, X))
		}
	}
	return p
}

func digest(p []int32) string {
	var b []byte
	for _, v := range p {
		b = binary.LittleEndian.AppendUint32(b, uint32(v))
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// TestShared holds every circuit to the product.npy beside it, which other
// tools computed, and to the catalogue's digest.
func TestShared(t *testing.T) {
	catalog := catalogDigests(t)
	for _, path := range sharedCircuits(t) {
		name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
		t.Run(filepath.Base(path), func(t *testing.T) {
			l, err := lut.Load(path, lut.LoadOptions{})
			if err != nil {
				t.Fatal(err)
			}
			signed := strings.HasPrefix(name, "mul8s_")
			if l.Table.W().Signed != signed || l.Table.X().Signed != signed {
				t.Fatalf("operands %v×%v", l.Table.W(), l.Table.X())
			}
			// product.npy: rows by the first port, the activation; signed ones
			// in two's-complement order.
			o := lut.LoadOptions{Order: "xw", Signed: &signed}
			if signed {
				o.Codes = "twos"
			}
			want, err := lut.Load(filepath.Join(filepath.Dir(path), "product.npy"), o)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := l.Table.SHA256(), want.Table.SHA256(); got != want {
				t.Errorf("digest %s, product.npy has %s", got, want)
			}
			key := strings.TrimSuffix(name, "_pdk45")
			if filepath.Base(filepath.Dir(filepath.Dir(path))) == "evoapprox" {
				if got := digest(layout(l.Table)); !catalog[key][got] {
					t.Errorf("digest %s in the catalogue's layout, not among those of %s: %v", got, key, catalog[key])
				}
			}
			for _, p := range l.Published {
				if p.Differs {
					t.Errorf("published %s = %s, recomputed %v", p.Key, p.Value, *p.Recomputed)
				}
			}
			if strings.HasSuffix(path, ".v") && strings.HasPrefix(key, "mul8s") && len(l.Published) != 11 {
				t.Errorf("%d published figures, want 11", len(l.Published))
			}
		})
	}
}

// catalogDigests returns the digests that catalog.json has under each name,
// which two circuits may share.
func catalogDigests(t *testing.T) map[string]map[string]bool {
	data, err := os.ReadFile(sharedFile(t, "mults", "evoapprox", "catalog.json"))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Multipliers []struct {
			Name   string `json:"name"`
			SHA256 string `json:"sha256_product_i32le"`
		} `json:"multipliers"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	digests := map[string]map[string]bool{}
	for _, m := range doc.Multipliers {
		if digests[m.Name] == nil {
			digests[m.Name] = map[string]bool{}
		}
		digests[m.Name][m.SHA256] = true
	}
	return digests
}
