//go:build linux && egl && !nogpu

// With the tag egl the binding of OpenGL refers to eglGetProcAddress, for an
// initialization that gputrain does not use (context.go gives it functions that
// come from dlopen). This stands in for it, so that the program need not be
// linked with libEGL and starts where there is none.
__attribute__((visibility("hidden"))) void *eglGetProcAddress(const char *name) {
	(void)name;
	return 0;
}
