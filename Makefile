# make book: environment, notebooks, execution, site.   make check: the fast gates.
# make test: every gate.   make test-all: those that take an hour, too.
PROFILE ?= quick
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: book check test test-all soak env lock clean

book: $(STAMP)
	@$(BIN)/python -m pipeline book --profile $(PROFILE)

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/python -m pipeline derive --check
	$(PYTEST) tests/fast

test: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/python -m pipeline derive --check
	$(MAKE) --no-print-directory book
	$(PYTEST) --nbval tests/whole solutions tests/house tests/fast

# Weekly, not before a commit.
test-all: test
	$(PYTEST) -m weekly tests
	$(BIN)/python -m tests.soak

soak: book
	$(BIN)/python -m tests.soak

env: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14) and "Python 3.11, 3.12 or 3.13 is needed: make PYTHON=python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch $@

# Resolve anew; look at the difference before committing it.
lock: $(STAMP)
	$(BIN)/python -m pip install --quiet --upgrade torch==2.13.0 --editable ".[book,test]"
	$(BIN)/python -m pip freeze --exclude-editable | sed 's/+cpu$$//' > requirements.lock

clean:
	rm -rf build _build
