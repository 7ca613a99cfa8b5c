# One-line commands for a fresh machine; each sets up what it needs in .venv first.
# Another interpreter: make test PYTHON=python3.12
# No system libraries, no window: make demo HEADLESS=1

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SYSTEM_LIBRARIES := libgl1 libglib2.0-0 libxcb1

# Python keeps what it has compiled, of this package too: hundreds of processes start in the tests.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help demo test tests lint docs dist clean
.DELETE_ON_ERROR:

help:
	@echo "make demo    track a synthetic clip, write video and tracks to demo-output/"
	@echo "make test    lint, type check and all tests"
	@echo "make lint    ruff, mypy and the order of the folders only"
	@echo "make docs    the site of the documents, in site/"
	@echo "make dist    what a package index takes: source distribution and wheel, in dist/"
	@echo "make clean   remove what make demo, make test and builds wrote, but not .venv"

demo: $(VENV)/.installed-video
	$(BIN)/python demo/demo.py

# Side by side: mypy takes a minute of one core, and the tests are done when the slower one is.
test: $(VENV)/.installed-dev
	@$(MAKE) --no-print-directory --jobs=2 lint tests

tests: $(VENV)/.installed-dev
	OMP_NUM_THREADS=1 OPENCV_FOR_THREADS_NUM=1 $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo --no-cache

docs: $(VENV)/.installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# The wheel is built from the source distribution; auditwheel gives it the tag of the oldest Linux
# that it runs on, and fails where the wheel has no C library.
dist: $(VENV)/.installed-release
	rm -rf dist
	$(BIN)/python -m build
	@for wheel in dist/*-linux_*.whl; do \
	  [ -e "$$wheel" ] || continue; \
	  PATH="$(BIN):$$PATH" $(BIN)/auditwheel repair --wheel-dir dist "$$wheel" && rm "$$wheel" || exit 1; \
	done
	$(BIN)/twine check --strict dist/*

clean:
	rm -rf build dist site demo-output .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' || { \
	  echo "mambatrack needs Python 3.10 to 3.13, but '$(PYTHON)' is $$($(PYTHON) --version 2>&1);" \
	    "name another one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "'$(PYTHON)' cannot make virtual environments;" \
	    "on Debian or Ubuntu: apt-get install python3-venv" >&2; exit 1; }

# Modules are compiled when they are first imported; pip would take minutes for all there are.
$(VENV)/.installed-%: setup.cfg setup.py pyproject.toml constraints.txt $(wildcard kernels/cpu/*.[ch]) | $(BIN)/python
	$(BIN)/python -m pip install --quiet --no-compile -c constraints.txt -e '.[$*]'
ifdef HEADLESS
	$(BIN)/python -m pip uninstall --quiet --yes opencv-python opencv-python-headless
	$(BIN)/python -m pip install --quiet --no-compile -c constraints.txt opencv-python-headless
endif
	@$(BIN)/python -c 'import cv2' || $(MAKE) --no-print-directory system-libraries
	@$(BIN)/python -c 'import cv2'
	@touch $@

.PHONY: system-libraries
system-libraries:
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
	    apt-get install -y -qq --no-install-recommends $(SYSTEM_LIBRARIES); \
	else \
	  echo "OpenCV lacks system libraries; on Debian or Ubuntu run" >&2; \
	  echo "  sudo apt-get install $(SYSTEM_LIBRARIES)" >&2; \
	  echo "and repeat the command; or add HEADLESS=1 to it and do without --show" >&2; \
	  exit 1; \
	fi
