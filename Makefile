# make demo    the main job on data/contracts: prompts vote, votes are weighed, a student learns, a report
# make test    the tests that take seconds;  make slow  those that take longer;  make coverage  all, counted
# make lint    style, format, types
# All of them install what they need into .venv, once.
#
# make demo FRESH=1      asks every question again instead of using the recorded answers
# make PYTHON=python3.12 demo

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip
INSTALL := $(PIP) install -qq --constraint constraints.txt
TORCH := $(shell grep '^torch==' constraints.txt)

.PHONY: demo test slow coverage lint lock clean

demo: $(VENV)/installed
	$(BIN)/jurat run data/contracts $(if $(FRESH),--fresh)

test: $(VENV)/installed-dev
	$(BIN)/python -m pytest -m "not slow"

slow: $(VENV)/installed-dev
	$(BIN)/python -m pytest -m slow

coverage: $(VENV)/installed-dev
	$(BIN)/python -m pytest --cov=labelfns --cov=labelmodel --cov=student --cov=jurat \
	  --cov-report=term-missing:skip-covered

lint: $(VENV)/installed-dev
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy

# PyTorch. For Linux the package index has only the build with CUDA: gigabytes that a machine without
# a GPU has no use for, though it works there. uv knows where the PyTorch project keeps the smaller
# builds and takes the one for this machine. So, the first that succeeds of: a wheel kept at hand (in
# a folder that pip's own settings name in find-links); uv's choice; whatever pip finds by itself.
$(VENV)/torch: constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Jurat needs Python 3.11 or newer: make PYTHON=python3.11")'
	@echo 'Installing into $(VENV), which takes a few minutes the first time.'
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) setuptools
	$(PIP) install -qq --no-index --no-deps $(TORCH) 2>/dev/null \
	  || { $(INSTALL) uv && $(BIN)/uv pip install --python $(BIN)/python --torch-backend auto $(TORCH); } \
	  || $(INSTALL) $(TORCH)
	@touch $@

# Without build isolation the build uses the setuptools that constraints.txt names, not the newest.
$(VENV)/installed: $(VENV)/torch pyproject.toml
	$(INSTALL) --no-build-isolation --editable '.[local]'
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(INSTALL) --no-build-isolation --editable '.[local,onnx,dev]'
	@touch $@

# Writes down the newest versions that pyproject.toml allows (PyTorch stays as it is named): run the
# tests with them before committing them.
lock:
	rm -rf build/lock
	$(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip install -qq $(TORCH) setuptools uv '.[local,onnx,dev]'
	{ sed -n '/^#/p' constraints.txt; \
	  build/lock/bin/python -m pip freeze --all --exclude jurat --exclude pip | sed 's/+cpu$$//'; \
	} > build/constraints.txt
	mv build/constraints.txt constraints.txt
	rm -rf build/lock

clean:
	rm -rf $(VENV) build *.egg-info
