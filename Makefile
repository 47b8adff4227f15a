# gputrain. `make demo` runs the main job, `make test` passes the tests; both
# need only Go and make, and use the richest build flavour that compiles here:
#
#   gpu        cgo, EGL and GLFW       gcc, pkg-config, libegl-dev, libgl-dev, X11 headers
#   gpu-egl    cgo, EGL only           gcc, pkg-config, libegl-dev, libgl-dev
#   cpu        no cgo                  nothing
#
# FLAVOUR=cpu (or gpu-egl, gpu) on the command line overrides the probe.

have = $(shell command -v $(1) >/dev/null 2>&1 && echo yes)
pkg  = $(shell pkg-config --exists $(1) >/dev/null 2>&1 && echo yes)

ifndef FLAVOUR
  FLAVOUR := cpu
  ifeq ($(call have,gcc)$(call have,pkg-config),yesyes)
    ifeq ($(call pkg,egl gl),yes)
      FLAVOUR := gpu-egl
      ifeq ($(call pkg,x11 xrandr xcursor xinerama xi xxf86vm),yes)
        FLAVOUR := gpu
      endif
    endif
  endif
endif

ifeq ($(FLAVOUR),gpu)
  GOENV := CGO_ENABLED=1
  TAGS  :=
else ifeq ($(FLAVOUR),gpu-egl)
  GOENV := CGO_ENABLED=1
  TAGS  := -tags noglfw,egl
else ifeq ($(FLAVOUR),cpu)
  GOENV := CGO_ENABLED=0
  TAGS  :=
else
  $(error FLAVOUR=$(FLAVOUR), want gpu, gpu-egl or cpu)
endif

FUZZTIME ?= 2m
BENCH    ?= .

.PHONY: all demo build test race check generate fuzz bench gpu-deps gpu-build gpu-bundle gpu-study flavour clean

all: build

flavour:
	@echo "build flavour: $(FLAVOUR)"

build: flavour
	$(GOENV) go build $(TAGS) -o bin/gputrain ./cmd/gputrain

# The main job on embedded data, about a minute on two cores.
demo: build
	bin/gputrain demo

test: flavour
	CGO_ENABLED=0 go test -timeout 30m ./...
ifneq ($(FLAVOUR),cpu)
	$(GOENV) go test $(TAGS) ./gpu/... ./shaders/... ./cmd/gputrain/...
endif

# The race detector needs cgo; -short leaves out the large shapes. These are the
# packages that start goroutines, and what drives them.
race:
	CGO_ENABLED=1 go test -race -short -timeout 30m -tags nogpu ./cpuref/... ./trainer/... ./cmd/...

check:
	@test -z "$$(gofmt -l .)" || { echo "gofmt would change:"; gofmt -l .; exit 1; }
	CGO_ENABLED=0 go vet ./...
	CGO_ENABLED=0 go tool staticcheck ./...

# Generated assembly is committed; this reproduces it.
generate:
	go generate ./cpuref/kernel/...

# Every fuzz target for FUZZTIME, one after the other. Minimising is kept short, or
# a large input takes all of the time.
fuzz:
	@for pkg in $$(CGO_ENABLED=0 go list ./...); do \
		for target in $$(CGO_ENABLED=0 go test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
			echo "== $$pkg $$target"; \
			CGO_ENABLED=0 go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 20x $$pkg || exit 1; \
		done; \
	done

bench:
	CGO_ENABLED=0 go test -run '^$$' -bench '$(BENCH)' -count 5 ./cpuref/...

# The Debian packages of the gpu flavour, and Mesa's software renderer.
gpu-deps:
	apt-get update
	apt-get install -y --no-install-recommends gcc libc6-dev pkg-config libegl-dev libgl-dev \
		libx11-dev libxrandr-dev libxcursor-dev libxinerama-dev libxi-dev libxxf86vm-dev \
		libegl1 libgl1-mesa-dri libegl-mesa0 xvfb glslang-tools

# Compiles the flavour for servers; runs nothing.
gpu-build:
	CGO_ENABLED=1 go build -tags noglfw,egl -o bin/gputrain-egl ./cmd/gputrain

# What a headless Linux machine with a GPU and no Go needs: the program, the tests,
# and run.sh, which checks and measures; as a folder and an archive.
BUNDLE := bin/gpu-bundle
gpu-bundle:
	rm -rf $(BUNDLE)
	mkdir -p $(BUNDLE)/gpu $(BUNDLE)/cmd $(BUNDLE)/shaders
	CGO_ENABLED=1 go build -tags noglfw,egl -o $(BUNDLE)/gputrain ./cmd/gputrain
	CGO_ENABLED=1 go test -c -tags noglfw,egl -o $(BUNDLE)/gpu/gpu.test ./gpu
	CGO_ENABLED=1 go test -c -tags noglfw,egl -o $(BUNDLE)/cmd/crosscheck.test ./cmd/gputrain
	cp -r shaders/include $(BUNDLE)/shaders/
	cp .ci/on-gpu $(BUNDLE)/run.sh
	tar -C bin -czf $(BUNDLE).tar.gz $(notdir $(BUNDLE))

# The recipe of the paper on a GPU: hours. Interrupted, it goes on where it was.
gpu-study: gpu-build
	BIN=bin/gputrain-egl examples/study/run.sh gpu

clean:
	rm -rf bin
