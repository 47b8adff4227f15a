// Package weights keeps named tensors on disk, in the safetensors format.
//
// # Format
//
//	0    8       length n of the header (uint64, little-endian)
//	8    n       header: a JSON object, padded with spaces
//	8+n  …       the tensors' elements, little-endian, row-major
//
// The header maps each name to {"dtype": "F32", "shape": [16, 3, 3, 3],
// "data_offsets": [begin, end]}, offsets counting from 8+n, and the name
// "__metadata__" to an object of strings. The tensors cover the data without
// gap or overlap.
//
// Read believes nothing: every size is held against the size of the file
// before memory is taken. [WriteFile] replaces a file at once or not at all.
package weights
