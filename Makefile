# `make` lists the targets. Everything is set up in .venv; nothing is installed outside the checkout.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin

MUTMUT := $(BIN)/python -m mutmut

# A file's tests stay together, as a notebook's cells do: they share what is slow to set up.
PARALLEL := --numprocesses logical --maxprocesses 8 --dist loadfile

.PHONY: mutants help demo test test-browser test-versions dist docs lab notebooks flags front-ends screenshots check clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.venv/ready: pyproject.toml
	@echo "Setting up .venv, once: this takes a minute or two."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --upgrade pip
	@$(BIN)/python -m pip install --quiet --editable . --group dev
	@touch $@

.venv/docs: .venv/ready
	$(BIN)/python -m pip install --quiet --group docs
	@touch $@

demo: .venv/ready  ## run the quickstart notebook on the simulator and show what it made
	@$(BIN)/python notebooks/run_demo.py

test: .venv/ready  ## everything that CI runs
	$(BIN)/python -m ruff check .
	$(BIN)/python -m mypy
	$(BIN)/python -m mypy --platform win32 --cache-dir .mypy_cache/win32  # finds calls that Windows does not have
	$(BIN)/python -m pytest $(PARALLEL)
	rm -rf notebooks/output
	$(BIN)/python -m pytest $(PARALLEL) --nbval --nbval-sanitize-with notebooks/nbval.cfg notebooks

flags: .venv/ready  ## write the flags anew that JupyterLab marks, after a change of the option table
	$(BIN)/python labextension/write_flags.py

notebooks: .venv/ready  ## run the notebooks again, in place
	rm -rf notebooks/output  # a second run of the same request says that it was made before
	$(BIN)/python notebooks/execute.py

lab: .venv/ready  ## open the notebooks in JupyterLab, on the simulator
	IMAGEGEN_BACKEND=simulator $(BIN)/jupyter lab --notebook-dir=. notebooks/quickstart.ipynb

check: .venv/ready  ## the quick loop: lint, spelling, types, tests without kernels, browsers and packaging
	$(BIN)/python -m ruff check .
	$(BIN)/codespell
	$(BIN)/python -m mypy
	$(BIN)/python -m mypy --platform win32 --cache-dir .mypy_cache/win32  # finds calls that Windows does not have
	$(BIN)/python -m pytest -q $(PARALLEL) -m 'not browser and not notebook and not package and not versions'

front-ends: .venv/ready  ## try every front end again, and write the table that the site shows
	$(BIN)/python -m pytest -m front_end --front-ends docs/measured/front_ends.json tests

docs: .venv/docs  ## build the site into site/, warnings as errors, and check its links
	rm -rf site build/doctrees
	$(BIN)/python -m sphinx -W --keep-going -q -j 2 -d build/doctrees docs site
	$(BIN)/python docs/made/links.py site

screenshots: .venv/ready  ## the pictures of front ends on the site and in the README, anew, in headless Chromium
	$(BIN)/python docs/made/screenshots.py

test-browser: .venv/ready  ## the panel and the widgets in a real JupyterLab, in headless Chromium
	@command -v chromium chromium-browser google-chrome >/dev/null || test -n "$$CHROMIUM" || \
	  { echo "Chromium is needed: on Debian, apt-get install chromium; elsewhere set CHROMIUM to its path"; exit 1; }
	@command -v npm >/dev/null || { echo "npm is needed for axe-core, which checks accessibility"; exit 1; }
	npm install --silent --no-package-lock --no-audit --no-fund --prefix tests/browser
	$(BIN)/python -m pytest -m browser --reruns 1 --only-rerun TimeoutError tests/browser

test-versions: .venv/ready  ## the wheel in bare environments, on the lowest and the newest dependencies
	$(BIN)/python -m pytest -m versions tests/test_versions.py

mutants: .venv/ready  ## change the code about money, one place at a time, and list what no test notices (ten minutes)
	$(BIN)/python -m pip install --quiet --group mutants
	@mkdir -p build
	$(MUTMUT) run --max-children 2 >build/mutants.log || true
	$(MUTMUT) results | grep -v killed

dist: .venv/ready  ## build the sdist and the wheel into dist/, and check what an index would show
	rm -rf dist
	$(BIN)/python -m build --no-isolation --outdir dist . >/dev/null
	$(BIN)/python -m twine check --strict dist/*

bench-cutout: .venv/ready  ## the cut-out against other keyers: quality, speed, memory; INPUTS=DIR SECOND=DIR for another set
	$(BIN)/python benchmarks/cutout.py $(if $(INPUTS),--inputs $(INPUTS)) $(if $(SECOND),--second $(SECOND))
	$(BIN)/python benchmarks/cutout_speed.py

clean:  ## remove what the targets made
	rm -rf .venv build dist site jupyter_execute docs/reference docs/gallery docs/errors.md docs/img/made .pytest_cache .mypy_cache .ruff_cache .hypothesis output notebooks/output notebooks/*.html
