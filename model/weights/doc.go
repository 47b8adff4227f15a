// Package weights keeps named tensors on disk: in the safetensors format,
// which is native, and as state dicts of PyTorch.
//
// [ReadFile] tells the formats apart by their first bytes, [WriteFile] by the
// suffix of the name. Both formats give the same [File], names and bits.
//
// # safetensors
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
// # .pth
//
// A file of torch.save is a pickle, a program for a small machine that makes
// Python objects and may call any function, and beside it the storages,
// memory that tensors are views of. PyTorch 1.6 and later put them into a zip
// archive, earlier versions one behind the other. Both are read, the first is
// written.
//
// Of a training script's dictionary the state dict is taken that stands under
// "state_dict", "model_state_dict", "model" or "model_ema"; names lose the
// prefixes "module." and "_orig_mod." if all have them. [File.Notes] tells of
// either, and of what was left out.
//
// # Trust
//
// Read believes nothing: every size is held against the size of the file
// before memory is taken. The operations of a pickle are walked and bounded
// before they run, and what they name are not functions of Python but a few of
// this package, which make tensors; a pickle that names another is refused.
// [WriteFile] replaces a file at once or not at all.
package weights
