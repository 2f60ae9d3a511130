# `make demo` and `make test` need only Python >= 3.11 and make: each creates .venv with what it uses.
# `make test-fast` runs what runs no model, `make test` all but demos, packages and compilers,
# `make test-all` everything.
# Other ways to run it:
#   make demo VIDEO=clip.mp4 POINT=412,220        your own clip, one click on its first frame
#   make demo VIDEO=clip.mp4 BOX=10,20,200,300    the same from a box
#   make test PYTHON=python3.13                   another interpreter
#   make test PYTEST='tests/unit/ops -x'          chosen tests
#   make demo PIP_FLAGS="--extra-index-url https://download.pytorch.org/whl/cpu"   smaller torch, no CUDA

PYTHON    ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
                 $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
VENV      ?= .venv
PIP_FLAGS ?=
DEMO      ?= demo
PYTEST    ?=

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt $(PIP_FLAGS)

.DEFAULT_GOAL := help
.PHONY: help demo test-fast test test-all vot lint format docs clean

help:
	@sed -n 's/^# \{0,1\}//p' Makefile | head -9
	@echo "  make lint | format | docs | clean"

# One stamp per set of packages, so that `make demo` does not wait for the development tools.
$(VENV)/.created:
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11 or newer found; install one or give PYTHON=/path/to/python3" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV) || { echo "error: $(PYTHON) cannot create environments; on Debian or Ubuntu: apt-get install python3-venv" >&2; rm -rf $(VENV); exit 1; }
	@touch $@

$(VENV)/.base: $(VENV)/.created pyproject.toml constraints.txt
	@echo "installing into $(VENV), once: some minutes, most of them for torch"
	$(PIP) -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.created pyproject.toml constraints.txt
	$(PIP) -e '.[dev]'
	@touch $@ $(VENV)/.base $(VENV)/.docs

$(VENV)/.docs: $(VENV)/.created pyproject.toml constraints.txt
	$(PIP) -e '.[docs]'
	@touch $@ $(VENV)/.base

demo: $(VENV)/.base
	$(BIN)/vseg demo $(if $(VIDEO),'$(VIDEO)') $(if $(POINT),--point '$(POINT)') $(if $(BOX),--box '$(BOX)') -o '$(DEMO)' --overwrite

# Tests are many and small: one thread each, shared out as workers come free.  What the shape checks
# compile is kept, for the next run and for the programs that tests start.
RUN_TESTS = PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(BIN)/python -m pytest \
    -n auto --maxprocesses 4 --dist worksteal --durations=15

test-fast: $(VENV)/.dev
	$(RUN_TESTS) -m 'not slow and not integration' $(PYTEST)

test: $(VENV)/.dev
	$(RUN_TESTS) -m 'not slow' $(PYTEST)

test-all: $(VENV)/.dev $(if $(shell command -v npm),$(NODE_MODULES))
	$(RUN_TESTS) $(PYTEST)

# The VOT toolkit, in an environment of its own, scores what vseg tracks.
vot: $(VENV)/.base
	$(BIN)/python benchmarks/vot/job.py

# The page's modules are checked by TypeScript where there is npm; `.ci/run` sees to it that there is.
NODE_MODULES := tests/browser/node_modules

$(NODE_MODULES): tests/browser/package-lock.json
	cd tests/browser && npm ci --no-audit --no-fund --silent
	@touch $@

lint: $(VENV)/.dev $(if $(shell command -v npm),$(NODE_MODULES))
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy -n auto
	$(if $(shell command -v npm),cd tests/browser && npm run --silent types,@echo "no npm: the types of the page were not checked")

docs: $(VENV)/.docs
	$(BIN)/python -m docs.build

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) $(NODE_MODULES) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
