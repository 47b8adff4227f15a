//go:build cgo && !nogpu

package gpu

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"unsafe"

	"github.com/go-gl/gl/v4.3-core/gl"
)

// A context is a GL context that is current on the thread that opened it, and
// is closed there.
type context interface {
	address(name string) unsafe.Pointer
	close()
}

// A candidate is one way to get a context.
type candidate struct {
	name string
	open func(debug bool) (context, error)
}

// GL that a context must be able to do.
const (
	glMajor = 4
	glMinor = 3
)

// candidates returns the ways to try for o, the best first.
func candidates(o Options) ([]candidate, error) {
	provider, from := o.Provider, "Options.Provider"
	if provider == "" {
		provider, from = os.Getenv("GPUTRAIN_GL"), "GPUTRAIN_GL"
	}
	var egl, window bool
	switch provider {
	case "", "auto":
		egl, window = true, true
	case "egl":
		egl = true
	case "glfw":
		window = true
	default:
		return nil, fmt.Errorf("%s is %q, want auto, egl or glfw", from, provider)
	}
	if o.Device != 0 {
		if !egl {
			return nil, fmt.Errorf("device %d with provider glfw: only egl can choose among devices", o.Device)
		}
		return eglDevice(o.Device)
	}
	var all []candidate
	if egl {
		all = append(all, eglHardware()...)
	}
	if window {
		all = append(all, glfwCandidates()...)
	}
	if egl {
		all = append(all, eglSoftware()...)
	}
	return all, nil
}

// openContext makes a context for o current on this thread. The error says
// what was tried.
func openContext(o Options) (context, Info, error) {
	all, err := candidates(o)
	if err != nil {
		return nil, Info{}, fmt.Errorf("gpu: %w: %w", ErrUnavailable, err)
	}
	var tried []string
	for _, c := range all {
		ctx, err := c.open(o.Debug)
		if err == nil {
			if err = loadGL(ctx); err == nil {
				info := describe(c.name)
				if !info.Software || !o.RequireHardware {
					return ctx, info, nil
				}
				err = fmt.Errorf("%s is a software renderer", info.Renderer)
			}
			ctx.close()
		}
		tried = append(tried, fmt.Sprintf("%s: %v", c.name, err))
	}
	remedy := "install a driver for OpenGL 4.3, or Mesa to render in software (make gpu-deps)"
	if o.RequireHardware {
		remedy = "install the GPU's driver"
	}
	return nil, Info{}, fmt.Errorf("gpu: %w (tried %s): %s", ErrUnavailable, strings.Join(tried, "; "), remedy)
}

// loaded guards the functions of package gl, which all contexts share.
var loaded struct {
	sync.Mutex
	done bool
}

// loadGL finds the functions of OpenGL, once: they serve every context of the
// process.
func loadGL(ctx context) error {
	loaded.Lock()
	defer loaded.Unlock()
	if loaded.done {
		return nil
	}
	if err := gl.InitWithProcAddrFunc(ctx.address); err != nil {
		return err
	}
	loaded.done = true
	return nil
}

// softwareRenderers are names in GL_RENDERER that run on the CPU.
var softwareRenderers = []string{"llvmpipe", "softpipe", "swrast", "software", "swiftshader", "gdi generic"}

// limits are those that kernels and tables meet.
var limits = map[string]uint32{
	"MAX_SHADER_STORAGE_BLOCK_SIZE":          gl.MAX_SHADER_STORAGE_BLOCK_SIZE,
	"MAX_COMPUTE_SHADER_STORAGE_BLOCKS":      gl.MAX_COMPUTE_SHADER_STORAGE_BLOCKS,
	"MAX_COMPUTE_SHARED_MEMORY_SIZE":         gl.MAX_COMPUTE_SHARED_MEMORY_SIZE,
	"MAX_COMPUTE_WORK_GROUP_INVOCATIONS":     gl.MAX_COMPUTE_WORK_GROUP_INVOCATIONS,
	"MAX_COMPUTE_TEXTURE_IMAGE_UNITS":        gl.MAX_COMPUTE_TEXTURE_IMAGE_UNITS,
	"MAX_TEXTURE_BUFFER_SIZE":                gl.MAX_TEXTURE_BUFFER_SIZE,
	"MAX_TEXTURE_SIZE":                       gl.MAX_TEXTURE_SIZE,
	"SHADER_STORAGE_BUFFER_OFFSET_ALIGNMENT": gl.SHADER_STORAGE_BUFFER_OFFSET_ALIGNMENT,
	"MAX_UNIFORM_LOCATIONS":                  gl.MAX_UNIFORM_LOCATIONS,
}

// describe returns what the driver says of the current context.
func describe(provider string) Info {
	i := Info{
		Vendor:   gl.GoStr(gl.GetString(gl.VENDOR)),
		Renderer: gl.GoStr(gl.GetString(gl.RENDERER)),
		Version:  gl.GoStr(gl.GetString(gl.VERSION)),
		Provider: provider,
		Limits:   make(map[string]int64),
	}
	name := strings.ToLower(i.Renderer)
	for _, s := range softwareRenderers {
		i.Software = i.Software || strings.Contains(name, s)
	}
	for name, id := range limits {
		var v int64
		gl.GetInteger64v(id, &v)
		i.Limits[name] = v
	}
	var groups int32
	gl.GetIntegeri_v(gl.MAX_COMPUTE_WORK_GROUP_COUNT, 0, &groups)
	i.Limits["MAX_COMPUTE_WORK_GROUP_COUNT (x)"] = int64(groups)
	return i
}

// glErrors are the codes of glGetError that tell something.
var glErrors = map[uint32]error{
	gl.INVALID_ENUM:                  errors.New("GL_INVALID_ENUM"),
	gl.INVALID_VALUE:                 errors.New("GL_INVALID_VALUE"),
	gl.INVALID_OPERATION:             errors.New("GL_INVALID_OPERATION"),
	gl.INVALID_FRAMEBUFFER_OPERATION: errors.New("GL_INVALID_FRAMEBUFFER_OPERATION"),
	gl.OUT_OF_MEMORY:                 ErrOutOfMemory,
	0x0507:                           ErrContextLost,
}

// glError returns the error that GL has recorded, if any.
func glError() error {
	code := gl.GetError()
	if code == gl.NO_ERROR {
		return nil
	}
	if err, ok := glErrors[code]; ok {
		return err
	}
	return fmt.Errorf("GL error %#x", code)
}
