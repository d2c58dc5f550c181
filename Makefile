# `make demo` and `make test` are the two commands; each makes the environment it needs first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BOARDS := $(notdir $(patsubst %/,%,$(dir $(wildcard boards/*/board.toml))))
COVERED := out/coverage/venv/bin
STAMP := $(VENV)/.installed
DOCS_STAMP := $(VENV)/.installed-docs

.DEFAULT_GOAL := help
.PHONY: help demo test unit lint bench mutants coverage docs wheel endurance soak seeds figures clean

help:  ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[virtual,dev]'
	@touch $@

$(DOCS_STAMP): $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[virtual,dev,docs]'
	@touch $@

demo: $(STAMP)  ## build, flash, boot, stream and measure a virtual board; report in out/demo
	$(BIN)/eegrig demo --out out/demo

test: lint unit  ## everything that must hold: style, types, import rule, all tests

unit: $(STAMP)
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal --ignore=tests/benchmarks

lint: $(STAMP)  ## style, types (host strict, firmware against stubs), import rule
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/basedpyright
	$(BIN)/lint-imports

bench: $(STAMP)  ## speed, as ratios side by side in one run; fails if one has fallen; STORE=all or ratios keeps them
	$(BIN)/python -m pytest tests/benchmarks -p no:randomly --benchmark-only $(if $(STORE),--store=$(STORE))

soak: $(STAMP)  ## three virtual days of streaming on a board, counters and heap; BOARD=name for another
	$(BIN)/eegrig hil run --board $(or $(BOARD),hairclip1) -m soak --out out/soak/$(or $(BOARD),hairclip1)

seeds: $(STAMP)  ## every board with SEEDS=20 seeds, hours on two cores: the good boards must fail nothing; kept for docs/suites.md
	$(BIN)/eegrig hil run $(BOARDS:%=--board %) --repeat $(or $(SEEDS),20) --jobs 2 --out out/seeds; failed=$$?; \
	$(BIN)/python -m eegrig.hil.pages --seeds out/seeds && exit $$failed

coverage: $(STAMP)  ## branches of the installed wheel that tests take, by package, and lines of test to source; TESTS=tests/host for a part
	rm -rf out/coverage
	$(BIN)/python -m hatchling build --target wheel --directory out/coverage/wheel
	$(PYTHON) -m venv out/coverage/venv
	$(COVERED)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt \
		"$$(echo out/coverage/wheel/*.whl)[virtual,dev]"
	EEGRIG_CLONE=$(CURDIR) $(COVERED)/coverage run -m pytest --numprocesses 2 --dist worksteal --timeout 900 \
		--ignore=tests/benchmarks $(TESTS); failed=$$?; \
	$(COVERED)/coverage combine --quiet && $(COVERED)/coverage json --quiet && $(COVERED)/coverage html --quiet && \
	$(COVERED)/python ci/coverage_by_room.py out/coverage/coverage.json $(if $(TESTS),--part) && exit $$failed

wheel: $(STAMP)  ## build the wheel, install it into a fresh environment, run the demo from another folder
	EEGRIG_WHEEL_FRESH=1 $(BIN)/python -m pytest tests/packaging --numprocesses 0

docs: $(DOCS_STAMP)  ## the pages and a reference made of the docstrings, in out/site; warnings are errors
	rm -rf docs/api out/site
	$(BIN)/sphinx-build --builder html --conf-dir docs/site --doctree-dir out/doctrees --jobs 2 \
		--fail-on-warning --keep-going --quiet . out/site

mutants: $(STAMP)  ## change the measuring sources in small ways: do their tests notice? OF="FILE OR FOLDER ..." takes these alone
	$(BIN)/python -m tests.mutants $(OF)

endurance: $(STAMP)  ## two boards write to their file systems for an hour of virtual time, and keep every line
	EEGRIG_WRITE_SECONDS=3600 $(BIN)/python -m pytest tests/hil/virtual/ports/test_file_systems.py

figures: $(STAMP)  ## run what the pages' figures come from, and write them; BEFORE=FILE prints an earlier export beside them
	$(BIN)/python -m eegrig.hil.pages $(if $(BEFORE),--against $(BEFORE))

clean:  ## remove the environment and all output
	rm -rf $(VENV) out build dist docs/api
