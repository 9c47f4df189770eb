# Thin: each target is a line or two over cmake, ctest or a script in tools/.
#   make bench [ARGS="--suite square"]   make test   make build   make test-full   make gpu-check
#   make format   make tidy   make toolkit   make install PREFIX=/opt/whycpu   make clean
# CMAKE_ARGS="-DWHYCPU_CUDA_ARCHITECTURES=all" goes to every configure; BUILD names the folder.
BUILD ?= build
JOBS ?= $(shell nproc 2>/dev/null || echo 1)
PREFIX ?= /usr/local
OUTPUT ?= results/local
GPU_CHECK ?= results/gpu-check-$(shell date -u +%Y%m%dT%H%M%SZ)
.PHONY: bench test build test-full gpu-check format tidy toolkit install clean
MAKEFLAGS += --no-print-directory
.NOTPARALLEL:

bench: build
	@mkdir -p $(OUTPUT)
	$(BUILD)/bin/whycpu bench --output-dir $(OUTPUT) $(ARGS)

build:
	@tools/setup.sh build
	cmake -S . -B $(BUILD) -DBUILD_TESTING=OFF $(CMAKE_ARGS)
	cmake --build $(BUILD) --parallel $(JOBS)

test test-full:
	@tools/setup.sh test
	cmake -S . -B $(BUILD) -DBUILD_TESTING=ON -DWHYCPU_WERROR=ON $(CMAKE_ARGS)
	cmake --build $(BUILD) --parallel $(JOBS)
	ctest --test-dir $(BUILD) --output-on-failure --parallel $(JOBS) \
	  --label-exclude '$(if $(filter test,$@),^(full|gpu)$$,^gpu$$)' $(ARGS)

gpu-check:
	tools/gpu-check.sh $(GPU_CHECK) $(ARGS)

format:
	tools/format.sh -i

tidy:
	@tools/setup.sh test
	cmake -S . -B $(BUILD) -DBUILD_TESTING=ON $(CMAKE_ARGS)
	tools/tidy.sh $(BUILD)

toolkit:
	tools/toolkit.sh

install: build
	cmake --install $(BUILD) --prefix $(PREFIX)

clean:
	rm -rf $(BUILD)
