# `make demo` and `make test` need python3 and make, nothing else: what is missing they get, and say so.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.complete

.PHONY: help demo test fast check conformance bench dist deb clean

help:
	@echo "make demo    run init in the foreground on a few demo services; Ctrl-C halts them"
	@echo "make test    every test (as root also the ones that boot containers)"
	@echo "make fast    the tests that need no container"
	@echo "make check   ruff, mypy --strict and the import rules"
	@echo "make conformance   the same questions to real systemd and to ours (as root); ARGS=NAME for some of them"
	@echo "make bench   ours beside real systemd, in figures (as root); ARGS=--quick for a short run"
	@echo "make dist    a release, into dist/, each part of which is tried in a container (as root)"
	@echo "make deb     the Debian package alone"
	@echo "make clean   remove what these commands have made in this directory"

demo: $(STAMP)
	@tools/demo $(BIN)/python

test: $(STAMP)
	@tools/prepare-tests $(BIN)/python examples
	@echo "==> running all tests"
	@$(BIN)/python -m pytest -n 2 --dist worksteal $(ARGS)

fast: $(STAMP)
	@$(BIN)/python -m pytest --ignore=tests/box --ignore=tests/engines --ignore=tests/install \
		--ignore=tests/release --ignore=tests/conformance $(ARGS)

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_architecture.py

conformance: $(STAMP)
	@tools/prepare-tests $(BIN)/python
	@$(BIN)/python -m tests.conformance $(ARGS)

bench: $(STAMP)
	@tools/prepare-tests $(BIN)/python
	@$(BIN)/python -m benchmarks $(ARGS)

dist: $(STAMP)
	@tools/prepare-tests $(BIN)/python programs
	@$(BIN)/python -m release $(ARGS)

deb: $(STAMP)
	@$(BIN)/python -m release $(ARGS) deb

$(STAMP): pyproject.toml
	@tools/prepare-venv $(PYTHON) $(VENV)
	@touch $(STAMP)

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .cache demo/root/run demo/root/var
