# `make` lists the targets. Everything is set up in .venv; nothing is installed outside the checkout.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help demo test lab notebooks check clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.venv/ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[panel]' --group dev
	@touch $@

demo: .venv/ready  ## run the quickstart notebook on the simulator and show what it made
	$(BIN)/python notebooks/run_demo.py

test: .venv/ready  ## everything that CI runs
	$(BIN)/python -m ruff check .
	$(BIN)/python -m mypy
	$(BIN)/python -m pytest
	$(BIN)/python -m pytest --nbval notebooks

notebooks: .venv/ready  ## run the notebooks again, in place
	$(BIN)/python notebooks/execute.py

lab: .venv/ready  ## open the notebooks in JupyterLab, on the simulator
	IMAGEGEN_BACKEND=simulator $(BIN)/jupyter lab notebooks

check: .venv/ready  ## the quick loop: lint, types, tests without kernels, browsers and packaging
	$(BIN)/python -m ruff check .
	$(BIN)/python -m mypy
	$(BIN)/python -m pytest -q -m 'not browser and not notebook and not package'

clean:  ## remove what the targets made
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis output notebooks/output
