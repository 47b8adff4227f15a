//go:build cgo && !nogpu

package gpu

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"gputrain/lut"
)

// cacheVersion changes when measurements of older kernels no longer count.
const cacheVersion = 1

// mostCacheBytes bounds a cache file: thousands of classes.
const mostCacheBytes = 1 << 20

// A cache holds the plans that were measured on a device with a driver. Runs
// share its file; each writes it as a whole.
type cache struct {
	file   string // empty: it is not written
	device string
	plans  map[class]plan
}

// A cacheDocument is the content of its file.
type cacheDocument struct {
	Version int               `json:"version"`
	Device  string            `json:"device"`  // vendor, renderer and driver version
	Choices map[string]string `json:"choices"` // plans by class
}

// openCache reads the cache of a device in a folder. If there is none it is
// empty; so it is with an error if there is one that cannot be used.
func openCache(folder string, i Info) (*cache, error) {
	device := fmt.Sprintf("%s, %s, %s", i.Vendor, i.Renderer, i.Version)
	c := &cache{device: device, plans: map[class]plan{}}
	if folder == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return c, err
		}
		folder = filepath.Join(user, "gputrain")
	}
	digest := sha256.Sum256([]byte(device))
	c.file = filepath.Join(folder, fmt.Sprintf("gpu-%x.json", digest[:8]))
	text, err := readBounded(c.file)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err == nil {
		c.plans, err = parseCache(text, device)
	}
	if err != nil {
		c.plans = map[class]plan{}
		return c, fmt.Errorf("%s: %w", c.file, err)
	}
	return c, nil
}

// readBounded reads a regular file of at most mostCacheBytes.
func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if s, err := f.Stat(); err != nil || !s.Mode().IsRegular() {
		return nil, errors.Join(err, errors.New("not a regular file"))
	}
	text, err := io.ReadAll(io.LimitReader(f, mostCacheBytes+1))
	if err == nil && len(text) > mostCacheBytes {
		err = fmt.Errorf("more than %d bytes", mostCacheBytes)
	}
	return text, err
}

// parseCache returns the plans in the text of a cache file of a device.
func parseCache(text []byte, device string) (map[class]plan, error) {
	var doc cacheDocument
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&doc); err != nil {
		return nil, err
	}
	switch {
	case doc.Version != cacheVersion:
		return nil, fmt.Errorf("version %d, want %d", doc.Version, cacheVersion)
	case doc.Device != device:
		return nil, fmt.Errorf("measured on %q, this is %q", doc.Device, device)
	}
	plans := map[class]plan{}
	for _, key := range slices.Sorted(maps.Keys(doc.Choices)) {
		c, err := parseClass(key)
		if err != nil {
			return nil, err
		}
		p, err := parsePlan(doc.Choices[key])
		if err != nil {
			return nil, err
		}
		if !p.suits(c) {
			return nil, fmt.Errorf("%q cannot run by %s", key, p)
		}
		plans[c] = p
	}
	return plans, nil
}

// add remembers a plan and writes the file.
func (c *cache) add(k class, p plan) error {
	c.plans[k] = p
	if c.file == "" {
		return nil
	}
	doc := cacheDocument{Version: cacheVersion, Device: c.device, Choices: map[string]string{}}
	for k, p := range c.plans {
		doc.Choices[k.String()] = p.String()
	}
	text, err := json.MarshalIndent(doc, "", "\t")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(c.file), 0o755); err != nil {
		return err
	}
	return lut.WriteFile(c.file, func(w io.Writer) error {
		_, err := w.Write(append(text, '\n'))
		return err
	})
}
