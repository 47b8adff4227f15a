//go:build linux && cgo && !nogpu

package gpu

/*
#cgo LDFLAGS: -Wl,--as-needed -ldl
#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// The part of EGL that opens a context without a window, found with dlopen: a
// binary built with it runs on machines that have no libEGL.

typedef void *ptr;
typedef int32_t eint;
typedef unsigned int euint;

enum {
	EGL_NONE = 0x3038,
	EGL_EXTENSIONS = 0x3055,
	EGL_SURFACE_TYPE = 0x3033, EGL_PBUFFER_BIT = 0x0001,
	EGL_RENDERABLE_TYPE = 0x3040, EGL_OPENGL_BIT = 0x0008,
	EGL_OPENGL_API = 0x30A2,
	EGL_WIDTH = 0x3057, EGL_HEIGHT = 0x3056,
	EGL_CONTEXT_MAJOR_VERSION = 0x3098, EGL_CONTEXT_MINOR_VERSION = 0x30FB,
	EGL_CONTEXT_OPENGL_PROFILE_MASK = 0x30FD, EGL_CONTEXT_OPENGL_CORE_PROFILE_BIT = 1,
	EGL_CONTEXT_OPENGL_DEBUG = 0x31B0,
	EGL_DRM_DEVICE_FILE_EXT = 0x3233, EGL_RENDERER_EXT = 0x335F,
};

static ptr library;
static ptr         (*get_proc)(const char *);
static const char *(*query_string)(ptr, eint);
static euint       (*initialize)(ptr, eint *, eint *);
static euint       (*bind_api)(euint);
static euint       (*choose_config)(ptr, const eint *, ptr *, eint, eint *);
static ptr         (*create_context)(ptr, ptr, ptr, const eint *);
static euint       (*destroy_context)(ptr, ptr);
static ptr         (*create_pbuffer)(ptr, ptr, const eint *);
static euint       (*destroy_surface)(ptr, ptr);
static euint       (*make_current)(ptr, ptr, ptr, ptr);
static eint        (*get_error)(void);
static euint       (*release_thread)(void);
static ptr         (*get_platform_display)(euint, ptr, const eint *);
static euint       (*query_devices)(eint, ptr *, eint *);
static const char *(*query_device_string)(ptr, eint);

// egl_load finds the functions; it returns what is missing, or 0.
static const char *egl_load(void) {
	if (library) return 0;
	ptr l = dlopen("libEGL.so.1", RTLD_NOW | RTLD_LOCAL);
	if (!l) return dlerror();
#define FIND(v, n) if (!(*(ptr *)&v = dlsym(l, n))) return n " is missing in libEGL.so.1";
	FIND(get_proc, "eglGetProcAddress")
	FIND(query_string, "eglQueryString")
	FIND(initialize, "eglInitialize")
	FIND(bind_api, "eglBindAPI")
	FIND(choose_config, "eglChooseConfig")
	FIND(create_context, "eglCreateContext")
	FIND(destroy_context, "eglDestroyContext")
	FIND(create_pbuffer, "eglCreatePbufferSurface")
	FIND(destroy_surface, "eglDestroySurface")
	FIND(make_current, "eglMakeCurrent")
	FIND(get_error, "eglGetError")
	FIND(release_thread, "eglReleaseThread")
#undef FIND
	*(ptr *)&get_platform_display = get_proc("eglGetPlatformDisplayEXT");
	*(ptr *)&query_devices = get_proc("eglQueryDevicesEXT");
	*(ptr *)&query_device_string = get_proc("eglQueryDeviceStringEXT");
	library = l;
	return 0;
}

static eint egl_devices(ptr *out, eint max) {
	eint n = 0;
	if (!query_devices || !query_devices(max, out, &n)) return 0;
	return n;
}

static const char *device_string(ptr device, eint name) {
	return query_device_string ? query_device_string(device, name) : 0;
}

static const char *device_extensions(ptr d) { return device_string(d, EGL_EXTENSIONS); }
static const char *device_file(ptr d) { return device_string(d, EGL_DRM_DEVICE_FILE_EXT); }
static const char *device_renderer(ptr d) { return device_string(d, EGL_RENDERER_EXT); }

static ptr platform_display(euint platform, ptr native) {
	return get_platform_display ? get_platform_display(platform, native, 0) : 0;
}

// egl_open makes a core context current on this thread. It returns the name of
// the call that failed, and its error, or 0.
static const char *egl_open(ptr display, eint major, eint minor, int debug, ptr *context, ptr *surface, eint *error) {
	eint ignored;
	*context = *surface = 0;
	if (!initialize(display, &ignored, &ignored)) { *error = get_error(); return "eglInitialize"; }
	if (!bind_api(EGL_OPENGL_API)) { *error = get_error(); return "eglBindAPI"; }

	const char *extensions = query_string(display, EGL_EXTENSIONS);
	if (!extensions) extensions = "";
	const eint with_pbuffer[] = {EGL_SURFACE_TYPE, EGL_PBUFFER_BIT, EGL_RENDERABLE_TYPE, EGL_OPENGL_BIT, EGL_NONE};
	const eint with_any[] = {EGL_SURFACE_TYPE, 0, EGL_RENDERABLE_TYPE, EGL_OPENGL_BIT, EGL_NONE};
	ptr config = 0;
	eint n = 0;
	if (!(choose_config(display, with_pbuffer, &config, 1, &n) && n > 0) &&
	    !(choose_config(display, with_any, &config, 1, &n) && n > 0)) {
		if (!strstr(extensions, "EGL_KHR_no_config_context")) { *error = get_error(); return "eglChooseConfig"; }
		config = 0;
	}
	const eint attributes[] = {
		EGL_CONTEXT_MAJOR_VERSION, major, EGL_CONTEXT_MINOR_VERSION, minor,
		EGL_CONTEXT_OPENGL_PROFILE_MASK, EGL_CONTEXT_OPENGL_CORE_PROFILE_BIT,
		EGL_CONTEXT_OPENGL_DEBUG, debug, EGL_NONE,
	};
	if (!(*context = create_context(display, config, 0, attributes))) { *error = get_error(); return "eglCreateContext"; }
	if (strstr(extensions, "EGL_KHR_surfaceless_context") && make_current(display, 0, 0, *context)) return 0;

	const eint size[] = {EGL_WIDTH, 1, EGL_HEIGHT, 1, EGL_NONE};
	const char *failed = 0;
	if (!(*surface = create_pbuffer(display, config, size))) failed = "eglCreatePbufferSurface";
	else if (!make_current(display, *surface, *surface, *context)) failed = "eglMakeCurrent";
	if (!failed) return 0;
	*error = get_error();
	if (*surface) destroy_surface(display, *surface);
	destroy_context(display, *context);
	return failed;
}

// The display is left as it is: the process shares it.
static void egl_close(ptr display, ptr context, ptr surface) {
	make_current(display, 0, 0, 0);
	if (surface) destroy_surface(display, surface);
	destroy_context(display, context);
	release_thread();
}

static ptr egl_proc(const char *name) { return get_proc(name); }
*/
import "C"

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"unsafe"
)

// Platforms of eglGetPlatformDisplayEXT.
const (
	platformSurfaceless = 0x31DD // EGL_PLATFORM_SURFACELESS_MESA
	platformDevice      = 0x313F // EGL_PLATFORM_DEVICE_EXT
)

// An eglContext is a context and, where the display needs one, a surface of
// one pixel.
type eglContext struct{ display, context, surface C.ptr }

func (c *eglContext) address(name string) unsafe.Pointer {
	s := C.CString(name)
	defer C.free(unsafe.Pointer(s))
	return unsafe.Pointer(C.egl_proc(s))
}

func (c *eglContext) close() { C.egl_close(c.display, c.context, c.surface) }

func goString(s *C.char) string {
	if s == nil {
		return ""
	}
	return C.GoString(s)
}

// loadEGL finds libEGL. It is called before all else, with loaded locked.
func loadEGL() error {
	loaded.Lock()
	defer loaded.Unlock()
	if missing := C.egl_load(); missing != nil {
		return errors.New(goString(missing))
	}
	return nil
}

// openEGL returns what opens a context on a display.
func openEGL(display func() C.ptr) func(debug bool) (context, error) {
	return func(debug bool) (context, error) {
		c := &eglContext{display: display()}
		if c.display == nil {
			return nil, errors.New("no such display")
		}
		var flag C.int
		if debug {
			flag = 1
		}
		var code C.eint
		if call := C.egl_open(c.display, glMajor, glMinor, flag, &c.context, &c.surface, &code); call != nil {
			return nil, fmt.Errorf("%s failed with EGL error %#x", goString(call), int(code))
		}
		return c, nil
	}
}

// An eglListed is a device with what opens it.
type eglListed struct {
	Listed
	candidate
}

// eglDevices returns the devices, hardware first; index i of the result is
// Options.Device.
func eglDevices() ([]eglListed, error) {
	if err := loadEGL(); err != nil {
		return nil, err
	}
	var found [32]C.ptr
	var hard, soft []eglListed
	for _, device := range found[:C.egl_devices(&found[0], C.eint(len(found)))] {
		extensions := goString(C.device_extensions(device))
		d := eglListed{Listed: Listed{Software: strings.Contains(extensions, "EGL_MESA_device_software")}}
		var renderer, file string
		if strings.Contains(extensions, "EGL_EXT_device_query_name") {
			renderer = goString(C.device_renderer(device)) // may be empty before the display is open
		}
		if strings.Contains(extensions, "EGL_EXT_device_drm") {
			file = goString(C.device_file(device))
		}
		other := "EGL device"
		if d.Software {
			other = "Mesa software renderer"
		}
		d.Name = cmp.Or(renderer, file, other)
		d.open = openEGL(func() C.ptr { return C.platform_display(platformDevice, device) })
		if d.Software {
			soft = append(soft, d)
		} else {
			hard = append(hard, d)
		}
	}
	all := append(hard, soft...)
	for i := range all {
		all[i].candidate.name = fmt.Sprintf("egl device %d", i)
	}
	return all, nil
}

// List returns the devices that EGL offers. The error wraps [ErrUnavailable]
// if there is no EGL.
func List() ([]Listed, error) {
	devices, err := eglDevices()
	if err != nil {
		return nil, fmt.Errorf("gpu: %w: %w (make gpu-deps)", ErrUnavailable, err)
	}
	all := make([]Listed, len(devices))
	for i, d := range devices {
		all[i] = d.Listed
	}
	return all, nil
}

// eglDevice returns the one way to open device i.
func eglDevice(i int) ([]candidate, error) {
	devices, err := eglDevices()
	if err != nil {
		return nil, err
	}
	if i < 0 || i >= len(devices) {
		return nil, fmt.Errorf("device %d: egl offers %d (gputrain doctor lists them)", i, len(devices))
	}
	return []candidate{devices[i].candidate}, nil
}

// failing returns a candidate that reports err.
func failing(name string, err error) candidate {
	return candidate{name, func(bool) (context, error) { return nil, err }}
}

// eglHardware returns the ways to open devices that are no software renderers.
func eglHardware() []candidate {
	devices, err := eglDevices()
	if err != nil {
		return []candidate{failing("egl", err)}
	}
	var all []candidate
	for _, d := range devices {
		if !d.Software {
			all = append(all, d.candidate)
		}
	}
	return all
}

// eglSoftware returns the ways that are left: a display without surfaces,
// which may turn out to be hardware, and software renderers.
func eglSoftware() []candidate {
	devices, err := eglDevices()
	if err != nil {
		return nil // eglHardware has said so
	}
	all := []candidate{{"egl surfaceless", openEGL(func() C.ptr { return C.platform_display(platformSurfaceless, nil) })}}
	for _, d := range devices {
		if d.Software {
			all = append(all, d.candidate)
		}
	}
	return all
}
