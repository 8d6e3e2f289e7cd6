# Two commands do everything: `make reproduce` and `make test`. Each sets up .venv/ first.
# ARGS is handed on: make reproduce ARGS="--config preset=paper"

VENV := $(CURDIR)/.venv
RUN := "$(VENV)/bin/python" -m
# Every job of the pipeline finds the environment's commands first.
export PATH := $(VENV)/bin:$(PATH)

# The first Python ≥ 3.11 that really runs and can make environments (a shim of a version
# manager may exist and fail), 3.12 preferred: the pins were resolved and tested with it.
PYENV := $(or $(PYENV_ROOT),$(HOME)/.pyenv)/versions
UV_PYTHONS := $(or $(XDG_DATA_HOME),$(HOME)/.local/share)/uv/python
define FIND_PYTHON
for python in "$(VENV)/bin/python" \
    python3.12 "$(PYENV)"/3.12*/bin/python3.12 "$(UV_PYTHONS)"/cpython-3.12*/bin/python3.12 \
    python3.13 "$(PYENV)"/3.13*/bin/python3.13 "$(UV_PYTHONS)"/cpython-3.13*/bin/python3.13 \
    python3.11 "$(PYENV)"/3.11*/bin/python3.11 python3.14 python3 /usr/bin/python3; do \
  "$$python" -c 'import ensurepip, sys, sysconfig, venv; sys.exit(sys.version_info < (3, 11) \
    or bool(sysconfig.get_config_var("Py_GIL_DISABLED")))' >/dev/null 2>&1 \
    && { printf %s "$$python"; exit; }; \
done
endef
# Recursive on purpose: the search runs only for targets that need it.
PYTHON ?= $(shell $(FIND_PYTHON))

define SET_UP
@python='$(PYTHON)'; test -n "$$python" || { echo "No Python 3.11 or newer with venv found." \
  "Install one (Debian, Ubuntu: apt-get install python3-venv) or name it: make PYTHON=…" >&2; \
  exit 1; }; exec "$$python" harness/bootstrap.py
endef

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help reproduce smoke summary test test-quick lint requirements set-up set-up-dev clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | while IFS="$$(printf '\t')" read -r n t; \
	  do printf '  make %-14s %s\n' "$$n" "$$t"; done

reproduce: set-up ## run the pipeline (preset short; ARGS="--config preset=paper" for another)
	@exec $(RUN) harness.base.lifeline "$(VENV)/bin/python" -m snakemake --cores 1 $(ARGS)

smoke: set-up ## every workload, interpreter and strategy once, in minutes
	@exec $(RUN) harness.base.lifeline "$(VENV)/bin/python" -m snakemake --cores 1 \
	  --config preset=smoke $(ARGS)

summary: set-up ## efficiency and claims as Markdown (ARGS="--results results/short" for another run)
	@exec $(RUN) harness summary $(or $(ARGS),--results results/smoke)

test: lint ## linters, types and tests
	@exec $(RUN) pytest --numprocesses 2 --dist loadgroup $(ARGS)

test-quick: set-up-dev ## only the tests that start no processes and are done in two minutes
	@exec $(RUN) pytest --numprocesses 2 --dist loadgroup -m "not real and not slow" $(ARGS)

lint: set-up-dev ## linters and types only
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) snakefmt --check Snakefile
	$(RUN) mypy --strict harness

requirements: set-up-dev ## compile requirements/*.in into *.txt (ARGS=--upgrade for newer versions)
	@cd requirements && for name in pipeline dev worker; do echo "compiling $$name.in"; \
	  $(RUN) uv pip compile -q --generate-hashes --no-emit-index-url \
	    --no-emit-find-links --no-header --universal --python-version 3.11 $(ARGS) \
	    "$$name.in" -o "$$name.txt" || exit 1; done

set-up: ## only set up .venv/ for the pipeline
	$(SET_UP)

set-up-dev: ## only set up .venv/ with the tests' packages
	$(SET_UP) --dev

clean: ## remove .venv/ and the tools' caches, keep results
	rm -rf "$(VENV)" .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo "Kept: results/, paper_figures/, .snakemake/ and the interpreters in your cache folder."
