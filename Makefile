# Every target sets up what it needs first; a second call starts at once. Needs Python 3.11+, make, git.
#   make lab         JupyterLab on the workbench notebook (PORT=8890 to choose the port)
#   make test        everything that must hold: check, tests, browser, notebooks
#   make test-all    ... and the slow tests
#   make check       ruff, mypy, import-linter, codespell
#   make bench       benchmarks
#   make extension   rebuild the JupyterLab extension (needs Node)
#   make lock        requirements.lock again, from pyproject.toml
#   make clean       remove the environment and all caches in the tree

PYTHON ?= python3
BIN := .venv/bin
NOTEBOOKS := $(wildcard notebooks/*.ipynb)
PYTEST := $(BIN)/python -m pytest tests $(NOTEBOOKS) --nbval-lax --nbval-cell-timeout=60 --benchmark-disable

.PHONY: lab test test-all check bench docs extension lock clean environment

environment:
	@$(PYTHON) tools/bootstrap.py

# exec: an interrupt reaches JupyterLab itself, and nothing is left between.
lab:
	@$(PYTHON) tools/bootstrap.py --kernels
	@exec $(BIN)/alphaforge lab $(if $(PORT),--port $(PORT))

test: test-environment check
	$(PYTEST) -m "not slow"

test-all: test-environment check
	$(PYTEST)

.PHONY: test-environment
test-environment:
	@$(PYTHON) tools/bootstrap.py --kernels --browser

check: environment
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell

bench: environment
	$(BIN)/python -m pytest bench --benchmark-only --timeout=0

docs: environment
	$(BIN)/python docs/tables.py

extension: environment
	cd extensions/alphaforge-lab && npm ci && PATH="$(CURDIR)/$(BIN):$$PATH" npm run build
	@$(PYTHON) tools/bootstrap.py

# Hashes, and no index address: the file is the same wherever it is used.
lock: environment
	$(BIN)/python -m pip install -q uv
	$(BIN)/uv pip compile pyproject.toml --extra test --extra dev --universal --python-version 3.11 \
	    --generate-hashes --no-emit-index-url --no-annotate --no-header --quiet -o requirements.lock

clean:
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .benchmarks
	rm -rf extensions/alphaforge-lab/node_modules extensions/alphaforge-lab/lib
	find alphaforge tests tools notebooks -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true
