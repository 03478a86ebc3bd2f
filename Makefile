# make book: environment, notebooks, execution, site.   make test: every gate.   make soak: runs compared.
PROFILE ?= quick
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: book test soak env lock clean

book: $(STAMP)
	@$(BIN)/python -m pipeline derive
	@$(BIN)/python -m pipeline assets --profile $(PROFILE)
	@$(BIN)/python -m pipeline run --profile $(PROFILE)
	@mkdir -p build
	@COURSE_PROFILE=$(PROFILE) $(BIN)/jupyter-book build . -W --keep-going -n \
	    > build/site.log 2>&1 || { cat build/site.log; exit 1; }
	@echo "The book is at file://$(CURDIR)/_build/html/index.html"

test: $(STAMP)
	$(BIN)/python -m pipeline derive --check
	$(BIN)/ruff check .
	$(MAKE) --no-print-directory book
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --nbval solutions tests

# Half an hour: run it before a term, not before a commit.
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
