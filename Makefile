# Every target sets up what it needs; a second run finds it done. `make` alone lists the targets.
PYTHON := .venv/bin/python
ARGS ?=

.PHONY: help setup setup-dev demo test test-slow test-long pictures check messages smoke bench chaos lock clean distclean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

demo: setup ## Start the whole service with demo content on this machine; Ctrl-C stops it
	@$(PYTHON) -m config.runner demo

test: setup-dev ## Run the quick tests (ARGS="-k receipt" for some of them)
	@$(PYTHON) -m pytest -n 2 -m "not slow" $(ARGS)

# Three at once on two cores: many of them wait for other processes.
test-slow: setup-dev ## Run the tests that start and kill processes, drive a browser, or go through long histories
	@$(PYTHON) -m pytest -n 3 --dist loadscope -m "slow and not long" $(ARGS)

test-long: setup-dev ## Run every event in every order, and a month of 10,000 donations with planted errors
	@$(PYTHON) -m pytest -n 2 -m long $(ARGS)

pictures: setup-dev ## Draw the papers' pictures anew: those that tests compare, and those of the docs; look at them
	@RENEW_PICTURES=1 $(PYTHON) -m pytest -q -n 0 tests/receipts/test_pictures.py $(ARGS)

check: setup-dev ## Lint, types, imports, templates, migrations, deployment settings, translations
	@sh .ci/check

messages: setup-dev ## Bring the translations up to date with the sources (ARGS="de fr" for some languages)
	@$(PYTHON) -m tests.translations extract $(ARGS)

smoke: setup-dev ## Start everything on free ports, give 20 donations, and compare every figure
	@$(PYTHON) -m tests.smoke $(ARGS)

bench: setup-dev ## Measure against limit programs run at the same time
	@$(PYTHON) -m tests.bench $(ARGS)

chaos: setup-dev ## Simulate months of giving with every fault, seed after seed (SEEDS=20 FIRST=1 ARGS="--donations 100")
	@$(PYTHON) manage.py simulate --seed $(FIRST) --seeds $(SEEDS) --donations 25 --months 4 --faults all $(ARGS)

SEEDS ?= 20
FIRST ?= 1

setup: ## Install what running needs, here and from this machine's packages
	@sh deploy/setup.sh base

setup-dev: ## Install what tests and checks need on top
	@sh deploy/setup.sh dev

lock: ## Compile requirements/*.in to hashes (needs uv); ARGS=--upgrade for newer versions
	@command -v uv >/dev/null || { echo "make lock needs uv: https://docs.astral.sh/uv/"; exit 1; }
	uv pip compile $(LOCK) $(ARGS) requirements/base.in -o requirements/base.txt
	uv pip compile $(LOCK) $(ARGS) requirements/dev.in -c requirements/base.txt -o requirements/dev.txt
	uv pip compile $(LOCK) $(ARGS) requirements/bench.in -c requirements/base.txt -o requirements/bench.txt

LOCK := --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

clean: ## Stop the demo's database; remove all demo and test data and caches
	@if [ -x $(PYTHON) ]; then for state in .state .state/test; do \
	  OPENAPPEAL_STATE=$$state $(PYTHON) -m config.embedded_postgres destroy; done; fi
	rm -rf .state .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache locale/*/LC_MESSAGES/*.mo */locale/*/LC_MESSAGES/*.mo
	find . -path ./.venv -prune -o -name __pycache__ -type d -print | xargs rm -rf

distclean: clean ## Remove the virtual environment and what npm fetched as well
	rm -rf .venv tests/types/node_modules
