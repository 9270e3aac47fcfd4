# make run    creates .venv, installs, serves, prints the address and a one-time set-up link
# make test   creates .venv, installs, runs every test
# make fault  tries every fault of docs/reliability.md at length
# make build  makes dist/hantu (needs Python 3.11 where it runs), dist/hantu-standalone, the wheel
# make rebuild  builds twice and compares
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DATA_DIR ?= data
PORT ?= 8514
LINES ?= 1000000
# Two processes, each a file of tests at a time; JOBS= runs them one after the other.
JOBS ?= -n 2 --dist loadfile

.PHONY: run test fault check bench build rebuild format promises pictures clean

run: $(VENV)/.server
	$(BIN)/python app.py --data-dir $(DATA_DIR) serve --port $(PORT)

test: $(VENV)/.dev
	$(BIN)/python -m pytest $(JOBS) $(ARGS)

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.promises

# Every fault at length, a quarter of an hour; then the table of docs/reliability.md anew.
# ROWS="R7 R8" tries these alone; the others' results stay.
fault: $(VENV)/.dev
	HANTU_FAULT=long $(BIN)/python -m pytest -p tests.fault.table --rows "$(ROWS)" -m fault_row -v $(ARGS)
	$(BIN)/python -m tests.fault.matrix --write

bench: $(VENV)/.dev
	$(BIN)/python -m bench --lines $(LINES)

build: | $(VENV)/bin/python
	$(BIN)/python -m release

rebuild: build
	$(BIN)/python -m release --again

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

promises: $(VENV)/.dev
	$(BIN)/python -m tests.promises --write

pictures: $(VENV)/.dev
	HANTU_PICTURES=take $(BIN)/python -m pytest -q tests/e2e/test_pictures.py

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.server: requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/.dev: requirements-dev.txt requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@ $(VENV)/.server
