# Everything starts from a clone and needs only make and Python 3.11 or later with its venv module.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
DIST   := dist
RESOLVE = $(or $(UV),uv) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate
COMPILE = $(RESOLVE) pyproject.toml
COMPILE_GROUP = $(RESOLVE) --constraint requirements/dev.txt --group
VERSION = $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' exporter/__init__.py)

.DEFAULT_GOAL := help
.PHONY: help docs demo demo-stack test check faults fuzz mutants soak bench dashboards format lock wheel deb sbom release-check image chart ccxt packaging clean

help: ## Show what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.runtime ## Run the exporter against simulated exchanges: no account, no key, no network
	@$(BIN)/python -m exporter demo

demo-stack: $(VENV)/.runtime ## The same with Prometheus and Alertmanager on it; FAULT=http_401:account=payments-mx
	@$(BIN)/python -m stack $(addprefix --fault=,$(FAULT)) $(STACK_ARGS)

test: $(VENV)/.dev ## Run the tests
	$(BIN)/pytest $(PYTEST_ARGS)

check: $(VENV)/.dev ## Check style, types, imports and dashboards
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m docs.source --check
	$(BIN)/python -m grafana.source --check
	$(BIN)/python -m release.chart --check
	$(BIN)/python -m release.licences

faults: $(VENV)/.dev ## Run every case of the fault matrix and print the table
	$(BIN)/python -m tests.faults

fuzz: $(VENV)/.dev .fuzz/atheris ## Fuzz what reads others' words, a minute each; FUZZ_ARGS="token --seconds=5"
	PYTHONPATH=.fuzz $(BIN)/python -m fuzz $(FUZZ_ARGS)

mutants: $(VENV)/.dev ## Change the core at random places and see whether a test fails; MUTANTS_ARGS="amounts --sample=99"
	$(BIN)/python -m tests.mutants $(MUTANTS_ARGS)

soak: $(VENV)/.dev ## Run 1,000 seeded schedules of faults, then the long soak
	$(BIN)/python -m tests.ledger --seeds 1000
	$(BIN)/python -m tests.prices.day
	$(BIN)/python -m tests.soak

bench: $(VENV)/.dev ## Compare speed and memory with other exporters (benchmarks/README.md)
	$(BIN)/python -m benchmarks.end_to_end
	$(BIN)/python -m benchmarks.scrape
	$(BIN)/python -m benchmarks.poll
	$(BIN)/python -m benchmarks.idle

docs: $(VENV)/.dev ## Write the reference pages from the code
	$(BIN)/python -m docs.source

dashboards: $(VENV)/.dev ## Write the dashboards from their sources
	$(BIN)/python -m grafana.source

format: $(VENV)/.dev ## Format the code and apply the safe fixes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: ## Resolve the dependencies again (needs uv)
	$(COMPILE) -o requirements/runtime.txt
	$(COMPILE) --group dev -o requirements/dev.txt
	$(COMPILE) --extra ccxt --constraint requirements/dev.txt -o requirements/ccxt.txt
	$(COMPILE_GROUP) build -o requirements/build.txt
	$(COMPILE_GROUP) packaging -o requirements/packaging.txt

wheel: $(VENV)/.dev ## Build the wheel and the source distribution into dist/
	$(BIN)/python -m hatchling build --directory $(DIST)

deb: wheel ## Build the Debian package into dist/, for the release of this machine
	PIP="$(BIN)/python -m pip --python /usr/bin/python3" packaging/debian/build.sh $(DIST)/exchange_balance_exporter-$(VERSION)-py3-none-any.whl $(DIST)

sbom: $(VENV)/.dev ## Write the bill of materials into dist/
	$(BIN)/python -m release.sbom $(DIST)

release-check: $(VENV)/.dev ## Check that the version is one everywhere and may be released; TAG=v1.2.3
	$(BIN)/python -m release.check $(TAG)
	$(BIN)/python -m release.licences

image: ## Build the container image
	docker build --tag exchange-balance-exporter --build-arg VERSION=$(VERSION) \
		--build-arg REVISION=$$(git rev-parse HEAD) --build-arg CREATED=$$(git log -1 --format=%cI) .

chart: $(VENV)/.packaging ## Write what is generated in the Helm chart, and the kustomization from it
	$(BIN)/python -m release.chart
	$(BIN)/python -m release.kustomization

ccxt: $(VENV)/.ccxt ## Install ccxt, for its exchanges and their tests

packaging: $(VENV)/.packaging ## Install what the tests of chart, image and workflows need (350 MB)

clean: ## Remove what was built here
	rm -rf $(VENV) .fuzz .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache build dist

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or later is needed; say which with make PYTHON=python3.13" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv module is needed: apt-get install python3-venv" >&2; exit 1; }

$(VENV)/.runtime: requirements/runtime.txt | $(BIN)/python
	@echo "Installing what the exporter needs into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/runtime.txt
	@touch $@

$(VENV)/.dev: requirements/dev.txt pyproject.toml $(VENV)/.runtime
	@echo "Installing what the checks need into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.packaging: requirements/packaging.txt $(VENV)/.dev
	@echo "Installing what the tests of chart, image and workflows need into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/packaging.txt
	@touch $@

$(VENV)/.ccxt: requirements/ccxt.txt $(VENV)/.runtime
	@echo "Installing ccxt into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/ccxt.txt
	@touch $@

.fuzz/atheris: | $(BIN)/python
	@echo "Installing atheris into .fuzz ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: --target .fuzz -r requirements/fuzz.txt || { echo "atheris has wheels for Linux on x86-64 and Python 3.11 to 3.13; say which with make clean fuzz PYTHON=python3.13" >&2; exit 1; }
