# Every verb does the set-up that it needs, says what it is doing, and is quick when there is nothing to do.

.DEFAULT_GOAL := help
.PHONY: help setup demo test check bench evaluate chaos schemas broker clean
SHELL := /bin/sh

# A cleared environment must do: only the usual places, the system's certificates, and nothing else is expected.
PATH := $(or $(PATH),/usr/local/bin:/usr/bin:/bin)
export PATH
export UV_SYSTEM_CERTS := 1
export UV_NATIVE_TLS := 1
export UV_PROJECT_ENVIRONMENT := .venv
# Another environment that happens to be active is not ours.
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME

UV_VERSION := 0.13.9
UV := $(shell command -v uv 2>/dev/null || echo .venv/.uv/bin/uv)
BIN := .venv/bin
READY := .venv/.ready
JARS := .latido/broker/libs/complete
SAY := @printf '» %s\n'

help: ## Print this.
	@echo 'make …'
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1|\2/p' $(firstword $(MAKEFILE_LIST)) | while IFS='|' read -r verb text; do \
	    printf '%-10s %s\n' "$$verb" "$$text"; done
	@echo 'More for the command behind a verb goes into ARGS, as in: make test ARGS="tests/core -x"'

setup: $(READY) ## Make the virtual environment .venv with the locked dependencies.

demo: $(READY) $(if $(LATIDO_BROKERS),,$(JARS)) ## See it work: broker, worker, real histories, a live table; ends by itself.
	$(SAY) 'Demo'
	@$(BIN)/latido demo $(ARGS)

# Each half runs beside a broker of its own; whole files stay together, and the long ones of chaos begin.
test: $(READY) $(JARS) ## Run all tests, two at a time, each half with a real broker.
	$(SAY) 'Tests'
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(READY) ## Lint, format, types, layers, drift of the schema files.
	$(SAY) 'ruff'
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	$(SAY) 'mypy --strict'
	@$(BIN)/mypy
	$(SAY) 'Layers'
	@$(BIN)/lint-imports --no-logo
	$(SAY) 'Schema files'
	@$(BIN)/python -m schemas.generate --check

bench: $(READY) $(JARS) ## Measure speed, latency and recovery on a real broker; writes bench.json.
	$(SAY) 'Bench'
	@$(BIN)/python -m tests.bench $(ARGS)

# LATIDO_DATA is this verb's own; the command knows it as an argument, and no setting has its name.
evaluate: $(READY) ## Measure the churn risk on the published sets in ../shared/data (LATIDO_DATA); writes evaluate.json.
	$(SAY) 'Evaluate'
	@env -u LATIDO_DATA OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 \
	    $(BIN)/latido evaluate sets '$(or $(LATIDO_DATA),../shared/data)' --out evaluate.json $(ARGS)

chaos: $(READY) $(JARS) ## Kill and freeze workers, round after round with a new seed, and check that all is exact.
	$(SAY) 'Chaos'
	@$(BIN)/python -m tests.chaos $(ARGS)

schemas: $(READY) ## Write the JSON Schema files from the records in schemas/.
	@$(BIN)/python -m schemas.generate

broker: $(READY) $(JARS) ## Start a local Kafka broker and print its address.
	@$(BIN)/latido broker start $(ARGS)

clean: ## Stop the local broker; remove its data, the environment and all caches.
	@if [ -x $(BIN)/latido ]; then $(BIN)/latido broker stop --data-dir .latido; fi
	rm -rf .venv .latido .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache dist bench.json evaluate.json
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Redone when the lock or the project file changes.
$(READY): uv.lock pyproject.toml
	@$(MAKE) --no-print-directory $(if $(findstring /.uv/,$(UV)),$(UV))
	$(SAY) 'Installing the locked dependencies into .venv'
	@$(UV) sync --frozen --all-extras
	@touch $@

# Where no uv is installed: one beside the environment, so that `uv sync` does not remove it.
.venv/.uv/bin/uv:
	@python3 -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 15))' 2>/dev/null || \
	    { echo 'Latido needs Python 3.11 to 3.14 as python3; install one, or uv, which brings its own.' >&2; exit 3; }
	@python3 -c 'import ensurepip, venv' 2>/dev/null || \
	    { echo 'Python cannot make virtual environments here: install its venv (Debian: apt-get install python3-venv).' >&2; exit 3; }
	$(SAY) 'Making .venv'
	@python3 -m venv .venv
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --target .venv/.uv 'uv==$(UV_VERSION)'

$(JARS): deploy/broker/pom.xml | $(READY)
	$(SAY) "Fetching the broker's jars"
	@$(BIN)/latido broker fetch --data-dir .latido
	@touch $@
