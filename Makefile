# Two commands set everything up on a machine with Python 3.11 or later, make and a package index:
#
#   make demo    install the library alone and annotate an example article
#   make test    install what development needs and run every check and test
#
# PYTHON=python3.12 chooses another interpreter; EXAMPLE=FILE another article for the demo.

PYTHON ?= python3
EXAMPLE ?= examples/article.txt
TORCH := torch==2.13.0
VENV := .venv
DEMO := .venv-demo
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
DEMO_INSTALLED := $(DEMO)/.installed
SOURCES := $(shell find src -type f ! -name '*.pyc')

# Two cores are what the tests are measured on; more threads than cores make torch many times slower.
export OMP_NUM_THREADS ?= 2
export MKL_NUM_THREADS ?= 2

.PHONY: help demo test check lint clean

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(DEMO_INSTALLED) ## Annotate an example article with the built-in model, without torch
	$(DEMO)/bin/khabar annotate $(EXAMPLE)

# Two files of tests at once, each with a core of its own; what measures has the machine for itself.
SIDE_BY_SIDE := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist loadfile

test: lint ## Everything: what `make check` does, and the slow tests
	$(SIDE_BY_SIDE) -m "not alone"
	$(BIN)/python -m pytest -m alone

check: lint ## The one door: lint, types, import contracts and the quick tests
	$(SIDE_BY_SIDE) -m "not slow"

lint: $(INSTALLED) ## Everything of `make check` but the tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean: ## Remove the virtual environments and the tools' caches
	rm -rf $(VENV) $(DEMO) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# The installation is done again when pyproject.toml has changed since; an editable one follows the sources itself.
$(INSTALLED): pyproject.toml
	@$(call require_python)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install $(TORCH)
	$(BIN)/python -m pip install --editable '.[dev]'
	touch $@

$(DEMO_INSTALLED): pyproject.toml $(SOURCES)
	@$(call require_python)
	$(PYTHON) -m venv $(DEMO)
	$(DEMO)/bin/python -m pip install .
	touch $@

define require_python
$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
	"khabar needs Python 3.11 or later, $(PYTHON) is " + sys.version.split()[0] + "; try make PYTHON=python3.12")'
endef
