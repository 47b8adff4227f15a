package dataset

// Bytes returns the memory that the images and labels of s take. Images in a
// file take none.
func (s *Set) Bytes() int64 {
	n := int64(len(s.Images)) + 4*int64(len(s.Labels))
	if m, ok := s.held.(*memory); ok {
		n += int64(len(m.all.pix))
	}
	return n
}
