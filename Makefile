# `make help` lists what there is. Nothing here needs root, Node or anything beside Python 3.11+ and make.

PYTHON ?= python3
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
# pip's settings from elsewhere must not weaken the hashes.
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check
# A lock file is whole, so nothing is resolved: older pips take `name[extra]` for a wish beside the pinned `name`.
PIP_LOCKED := $(PIP_INSTALL) --no-deps --require-hashes
LOCK := uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header \
	--no-annotate
QUICK := not long and not bench
# On two cores: one more than there are, since tests wait for the servers that they start.
WORKERS ?= 3

.DEFAULT_GOAL := help
.PHONY: help setup demo test coverage test-long bench lint fmt types contracts lock inventories wheel wheel-check image-check clean python node glewlwyd haproxy docker-registry postgresql mariadb-server-core

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | while IFS="$$(printf '\t')" \
		read -r target text; do printf '  make %-12s %s\n' "$$target" "$$text"; done

setup: $(VENV)/.installed .venv-mcp1/.installed .json-schema-tests/.installed node glewlwyd haproxy docker-registry postgresql mariadb-server-core ## environments from the lock files

python:
	@command -v $(PYTHON) >/dev/null || { echo "no \`$(PYTHON)\`: install Python 3.11 or newer" \
		"(Debian: apt-get install python3 python3-venv), or name one: make PYTHON=/path/to/python3.11"; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "\`$(PYTHON)\` is" \
		"$$($(PYTHON) --version 2>&1), Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11"; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "\`$(PYTHON)\` cannot make virtual environments:" \
		"apt-get install python3-venv"; exit 2; }

$(VENV)/.installed: requirements-dev.lock pyproject.toml | python
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python $(PIP_LOCKED) -r requirements-dev.lock
	$(BIN)/python $(PIP_INSTALL) --no-index --no-deps --no-build-isolation -e .
	$(BIN)/python -m pip check --disable-pip-version-check
	@touch $@

.venv-mcp1/.installed: requirements-mcp1.lock | python
	$(PYTHON) -m venv .venv-mcp1
	.venv-mcp1/bin/python $(PIP_LOCKED) -r requirements-mcp1.lock
	.venv-mcp1/bin/python -m pip check --disable-pip-version-check
	@touch $@

# JSON Schema's own tests are in the source of PyPI's jsonschema, whose hash the lock file has, and in no wheel.
.json-schema-tests/.installed: requirements-dev.lock | $(VENV)/.installed
	rm -rf $(@D) && mkdir $(@D)
	sed -n '/^jsonschema==/,/[^\\]$$/p' $< > $(@D)/source.lock
	$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps --no-build-isolation \
		--no-binary jsonschema --require-hashes -r $(@D)/source.lock -d $(@D)
	@touch $@

node:
	@if command -v npm >/dev/null; then $(MAKE) --silent --no-print-directory node_modules/.installed; \
	else echo "no npm: tests with servers written in Node are skipped (apt-get install nodejs npm)"; fi

# The servers' libraries ask for Node 20 (`engines`), the identity provider is written for 22; where the machine's is
# older, a packaged Node 22 comes with them.
node_modules/.installed: package-lock.json package.json .npmrc
	npm ci --silent --ignore-scripts \
		$$(node -e 'process.exitCode = process.versions.node.split(".")[0] < 22 ? 1 : 0' && echo --omit=optional)
	@touch $@

# Another identity provider, a proxy, a registry and two databases, extracted beside us: their packages would make users
# and start services.
glewlwyd haproxy docker-registry:
	@command -v $@ >/dev/null || $(MAKE) --silent --no-print-directory .$@/.installed 2>/dev/null \
		|| echo "no $@: tests with it are skipped (Debian: apt-get update, then make setup)"

# Their programs are in no path, PostgreSQL's in a directory of its version.
postgresql:
	@ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || $(MAKE) --silent --no-print-directory .$@/.installed \
		2>/dev/null || echo "no $@: tests with it are skipped (Debian: apt-get update, then make setup)"

mariadb-server-core:
	@ls /usr/sbin/mariadbd >/dev/null 2>&1 || $(MAKE) --silent --no-print-directory .$@/.installed 2>/dev/null \
		|| echo "no $@: tests with it are skipped (Debian: apt-get update, then make setup)"

.glewlwyd/.installed .haproxy/.installed .docker-registry/.installed .postgresql/.installed \
.mariadb-server-core/.installed: .%/.installed:
	rm -rf $(@D) && mkdir -p $(@D)/packages
	apt-get install --simulate --no-install-recommends $* dbconfig-no-thanks \
		| sed -n 's/^Inst \([^ ]*\).*/\1/p' > $(@D)/names
	grep -qx $* $(@D)/names
	cd $(@D)/packages && apt-get download --quiet $$(cat ../names) >/dev/null
	for package in $(@D)/packages/*.deb; do dpkg-deb --extract $$package $(@D) || exit 1; done
	rm -rf $(@D)/packages
	@touch $@

demo: setup ## calls allowed and denied, before your eyes (ARGS=...)
	$(BIN)/toolgate demo $(ARGS)

test: setup lint types contracts ## everything that runs in minutes (ARGS=... go to pytest)
	$(BIN)/pytest -m "$(QUICK)" -n $(WORKERS) --dist loadfile $(ARGS)

coverage: setup ## as test, and which lines and branches it reaches; a third slower
	$(BIN)/pytest -m "$(QUICK)" -n $(WORKERS) --dist loadfile --cov --cov-report=term $(ARGS)

test-long: setup ## tests that take long or need root
	$(BIN)/pytest -m long --timeout=1800 $(ARGS)

bench: setup ## measurements, with targets
	$(BIN)/pytest -m bench --timeout=1800 -s $(ARGS)

lint: setup ## ruff, rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

fmt: setup ## ruff, repairing
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: setup ## mypy
	$(BIN)/mypy

contracts: setup ## who may import whom
	$(BIN)/lint-imports --no-cache

# The lock files name no index: each machine's own pip settings say where packages come from, the hashes what they are.
lock: $(VENV)/.installed ## lock files from pyproject.toml and package.json (ARGS=--upgrade)
	$(BIN)/$(LOCK) $(ARGS) --extra all pyproject.toml -o requirements.lock
	$(BIN)/$(LOCK) $(ARGS) --extra all --group dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	$(BIN)/$(LOCK) $(ARGS) --group build -c requirements-dev.lock -o requirements-build.lock
	$(BIN)/$(LOCK) $(ARGS) --group mcp1 -o requirements-mcp1.lock
	@if command -v npm >/dev/null; then npm install --silent --package-lock-only; \
	else echo "no npm: package-lock.json is left as it is (apt-get install nodejs npm)"; fi

inventories: setup ## snapshots of real servers, for tests (ARGS=...)
	PATH="$(CURDIR)/$(BIN):$(CURDIR)/node_modules/.bin:$$PATH" $(BIN)/toolgate schemas approve --all --yes \
		--config tests/data/inventories.yaml $(ARGS)

wheel: setup ## dist/*.whl
	$(BIN)/python -m build --wheel --no-isolation

wheel-check: setup ## what each extra of the wheel brings, in environments of their own (needs a package index)
	$(BIN)/pytest -m long -rs tests/flow/test_wheel.py $(ARGS)

image-check: setup ## the container image's steps in a Debian root (needs root and debootstrap)
	$(BIN)/pytest -m long --timeout=1800 -rs tests/flow/test_image.py $(ARGS)

clean: ## remove what the other targets made
	rm -rf $(VENV) .venv-mcp1 .json-schema-tests .glewlwyd .haproxy .docker-registry .postgresql .mariadb-server-core .toolgate-demo node_modules build dist \
		.coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find pdp enforcers tests -name __pycache__ -type d -prune -exec rm -rf {} +
