//go:build cgo && !nogpu

package gpu

// gemmTiles are the tiles of results that a work group of kernel gemm owns, by
// its macro TILE: of large products, of small ones, and of few rows.
var gemmTiles = [...]struct{ rows, columns int }{{128, 128}, {64, 64}, {16, 256}}

// tileFor returns the tile that suits so many rows.
func tileFor(rows int) int {
	switch {
	case rows >= 128:
		return 0
	case rows > 16:
		return 1
	}
	return 2
}
