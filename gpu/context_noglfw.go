//go:build cgo && !nogpu && noglfw

package gpu

import "errors"

func glfwCandidates() []candidate {
	return []candidate{{"glfw", func(bool) (context, error) {
		return nil, errors.New("this build has none (tag noglfw)")
	}}}
}
