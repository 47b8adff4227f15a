//go:build cgo && !nogpu && !noglfw

package gpu

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"github.com/go-gl/glfw/v3.3/glfw"
)

// A window is a context in a window that is never shown.
type window struct{ *glfw.Window }

func (w window) address(name string) unsafe.Pointer { return glfw.GetProcAddress(name) }

// close leaves GLFW initialized: other devices may have windows.
func (w window) close() {
	glfw.DetachCurrentContext()
	w.Destroy()
}

func glfwCandidates() []candidate { return []candidate{{"glfw", openWindow}} }

// openWindow makes a context in a hidden window current on this thread.
//
// The Go binding of GLFW logs platform errors, such as a missing display, and
// then reports success: Init returns nil and the next call panics, CreateWindow
// returns neither window nor error. Hence the questions before, the recover and
// the test for nil.
func openWindow(debug bool) (ctx context, err error) {
	if runtime.GOOS == "linux" && os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "" {
		return nil, errors.New("no display (DISPLAY is not set)")
	}
	defer func() {
		if r := recover(); r != nil {
			ctx, err = nil, fmt.Errorf("%v", r)
		}
	}()
	if err := glfw.Init(); err != nil {
		return nil, err
	}
	glfw.DefaultWindowHints()
	glfw.WindowHint(glfw.Visible, glfw.False)
	glfw.WindowHint(glfw.ContextVersionMajor, glMajor)
	glfw.WindowHint(glfw.ContextVersionMinor, glMinor)
	glfw.WindowHint(glfw.OpenGLProfile, glfw.OpenGLCoreProfile)
	if debug {
		glfw.WindowHint(glfw.OpenGLDebugContext, glfw.True)
	}
	w, err := glfw.CreateWindow(1, 1, "gputrain", nil, nil)
	if err != nil {
		return nil, err
	}
	if w == nil {
		return nil, errors.New("no window")
	}
	w.MakeContextCurrent()
	return window{w}, nil
}
