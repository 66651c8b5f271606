# Holdfast's commands. `make demo` and `make test` need nothing prepared: what is
# missing is installed into .venv, and as root from Debian's packages too.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO_ARGS ?= --yes
# Holdfast is started some hundred times: it is compiled for the first, and kept.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test check format lint types floors docstrings bench bench-recovery drills torture torture-ledger torture-recovery docs audit lock packages clean bench-ledger

demo: $(READY) packages
	@$(BIN)/holdfast demo $(DEMO_ARGS)

# Much of a test's time is waiting for other processes, so three share two cores.
test: check
	$(BIN)/pytest -m "not torture and not drills" -n 3 --dist loadgroup $(PYTEST_ARGS)

check: $(READY) packages lint types floors docstrings docs

lint: $(READY)
	$(BIN)/ruff format --check src tests bench
	$(BIN)/ruff check src tests bench

format: $(READY)
	$(BIN)/ruff check --fix src tests bench; $(BIN)/ruff format src tests bench

types: $(READY)
	$(BIN)/mypy

floors: $(READY)
	$(BIN)/lint-imports

docstrings: $(READY)
	$(BIN)/interrogate -q src tests

docs: $(READY)
	$(BIN)/sphinx-build -n -W --keep-going -q -b html docs build/docs
	@echo "build/docs/index.html"

drills: $(READY) packages
	@scripts/packages drills
	@scripts/postgresql-16 $(BIN)/python build/postgresql-16
	$(BIN)/pytest -m drills --timeout 1800 -p no:randomly tests $(PYTEST_ARGS)

torture: $(READY) packages
	$(BIN)/pytest -m torture --timeout 7200 -p no:randomly -s tests

bench-recovery: $(READY) packages
	$(BIN)/python bench/recovery.py $(BENCH_ARGS)

# Rounds of trouble with the log; ROUNDS=20 for a short one, SEED=x for others.
ROUNDS ?= 500
SEED ?= 1
torture-ledger: $(READY) packages
	@$(BIN)/python -m tests.torture.ledger --rounds $(ROUNDS) --seed $(SEED)

# Publishing and recovery of Holdfast itself, killed at each of their writes and at random.
KILLS ?= 100
torture-recovery: $(READY) packages
	@$(BIN)/python -m tests.torture.recovery --rounds $(KILLS) --seed $(SEED)

bench-ledger: $(READY) packages
	$(BIN)/python bench/ledger.py $(BENCH_ARGS)

bench: $(READY) packages
	$(BIN)/python bench/spine.py

audit: $(READY)
	$(BIN)/pip-audit --require-hashes -r requirements.lock

lock:
	$(BIN)/python -m pip install -q uv
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --extra dev pyproject.toml build-requirements.in -o requirements.lock

packages:
	@scripts/packages

$(READY): requirements.lock pyproject.toml scripts/venv
	@scripts/venv $(PYTHON) $(VENV)
	@touch $(READY)

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache
