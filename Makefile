# Clone, `make demo`, `make test`. Needs Python 3.11 or later with pip, and make.
#
# The first target that needs them installs the dependencies into .venv; stamps keyed on
# pyproject.toml make that instant afterwards.

SHELL := /bin/sh
PYTHON ?= $(shell scripts/quickest-python)

BIN := .venv/bin
RUN_STAMP := .venv/.installed-run
DEV_STAMP := .venv/.installed-dev
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install
# Tests of one file share their worlds; three files run at a time, since those of e2e mostly wait.
PARALLEL := -n 3 --dist loadfile --no-loadscope-reorder
SPEED ?= 10
SEEDS ?= 2000
N ?= 1000000

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint fix docs articles library patterns pages bench bench-edge bench-sim \
	bench-fabric bench-tables sim fuzz fuzz-dns fuzz-edge fuzz-network soak crashes clean
.DELETE_ON_ERROR:

help: ## List what can be made
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' Makefile | expand -t 20

setup: $(DEV_STAMP) ## Install everything for working on Antipodes into .venv

demo: $(RUN_STAMP) ## Lose a region, and see what it cost
	@mkdir -p build
	$(BIN)/antipodes drill run examples/global-app/region-loss.toml --speed $(SPEED) \
		--html build/region-loss.html

test: $(DEV_STAMP) ## Run all tests
	$(BIN)/python -m pytest $(PARALLEL)

lint: $(DEV_STAMP) ## Check style, types, the import tree, the rules of the house and the docs
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m pytest -q tests/tidy
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

fix: $(DEV_STAMP) ## Repair what can be repaired mechanically
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(DEV_STAMP) ## Build the documentation into build/docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

articles: $(DEV_STAMP) ## Run the steps of the tutorials and write docs/articles.md
	$(BIN)/python scripts/articles.py

library: $(DEV_STAMP) ## Play the library's drills and write docs/library
	$(BIN)/python scripts/library.py

patterns: $(DEV_STAMP) ## Play the patterns of networks and write docs/patterns
	PYTHONPATH=. $(BIN)/python scripts/patterns.py

pages: $(DEV_STAMP) ## Write the pages of services that are made from code
	$(BIN)/python scripts/pages.py
	$(BIN)/python scripts/operations.py

bench: $(DEV_STAMP) ## Measure against peers, briefly
	@mkdir -p build/bench
	@set -e; for script in bench/[a-z]*.py; do \
		echo "== $$script"; \
		$(BIN)/python $$script --quick --json build/bench/$$(basename $$script .py).json; \
	done

bench-tables: $(DEV_STAMP) ## Measure tables against every other DynamoDB there is, side by side
	@mkdir -p build/bench
	$(BIN)/python bench/tables.py --json build/bench/tables.json

bench-edge: $(DEV_STAMP) ## Measure DNS and TCP at the edge against the usual servers
	@mkdir -p build/bench
	$(BIN)/python bench/edge.py --json build/bench/edge.json

bench-fabric: $(DEV_STAMP) ## Measure walks and analyses of private networks beside an SMT solver
	@mkdir -p build/bench
	$(BIN)/python bench/fabric.py --json build/bench/fabric.json

bench-sim: $(DEV_STAMP) ## Measure the simulation
	@mkdir -p build/bench
	$(BIN)/python bench/sim.py --json build/bench/sim.json

sim: $(DEV_STAMP) ## Run the tests that replay worlds in virtual time
	$(BIN)/python -m pytest $(PARALLEL) -m simulation

soak: $(DEV_STAMP) ## Play the swarm over many seeds (SEEDS=2000), all night long if you like
	$(BIN)/antipodes drill run swarm --simulate --seeds $(SEEDS)

fuzz: $(DEV_STAMP) ## Post N=1000000 broken requests to DynamoDB, and look for what must not be
	$(BIN)/python -m tests.regional.dynamodb.fuzzing $(N)

fuzz-dns: $(DEV_STAMP) ## Send N=1000000 broken questions to a DNS server, and look for rubbish
	$(BIN)/python -m tests.fabric.dns.fuzzing $(N)

fuzz-edge: $(DEV_STAMP) ## Send N=1000000 broken requests to the control planes of the edge
	$(BIN)/python -m tests.service.apifuzzing $(N)

fuzz-network: $(DEV_STAMP) ## Make SEEDS=2000 private networks; sets of packets and walks must agree
	$(BIN)/python -m tests.fabric.network.agreeing $(SEEDS)

crashes: $(DEV_STAMP) ## Kill a region fifty times under load; nothing acknowledged may be missing
	ANTIPODES_CRASHES=50 $(BIN)/python -m pytest tests/e2e/test_crashes.py

clean: ## Remove what was made, except .venv
	rm -rf build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find src tests bench examples scripts -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@python="$(PYTHON)"; test -n "$$python" || \
		{ echo "Antipodes needs Python 3.11 or later as python3" >&2; exit 1; }; \
	echo "Creating .venv with $$python"; $$python -m venv .venv

# `demo` needs little, so it does not wait for the rest; a development set serves it as well.
$(RUN_STAMP): pyproject.toml | $(BIN)/python
	@if [ -e $(DEV_STAMP) ] && [ ! pyproject.toml -nt $(DEV_STAMP) ]; then :; else \
		echo "Installing Antipodes into .venv"; $(PIP) --editable .; fi
	@touch $@

$(DEV_STAMP): pyproject.toml | $(BIN)/python
	@echo "Installing Antipodes and its development tools into .venv"
	@$(PIP) --editable '.[dev,docs]'
	@touch $@
