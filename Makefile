# The two commands of the README are `make run` and `make test`; both make .venv from the lock file first.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP_FLAGS := --quiet --disable-pip-version-check --only-binary :all: --require-hashes
PIP := $(BIN)/python -m pip install $(PIP_FLAGS)

# Its own setup.cfg, from what is installed already: nothing is downloaded, and the checkout itself is what runs.
INSTALL_COMMAND := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation --editable .

.PHONY: run python test hostfaults test-gateway test-callers test-client-1.5.1 test-client-1.5.9 sandbox-clients contract contract-tools schemathesis check format generate lock clean chaos crash quirks simulate explore sabotage previews bench layout halts vendor console-tools

run: $(BIN)/ordergate
	$(BIN)/ordergate db upgrade
	exec $(BIN)/ordergate serve

VERSION := 'import sys; print(sys.version_info[:3])'

# A Python that is too old, or an environment that another one made, is told in a sentence before anything is installed.
python:
	@if test -e $(BIN)/python || test -L $(BIN)/python; then \
		{ $(BIN)/python -Bc 'import app' && { test ! -e $(VENV)/.runtime || $(BIN)/python -Bc 'import click, pip'; }; } || \
		{ echo "$(VENV) can't be used. Remove it with 'make clean' and run this again, with PYTHON=python3.12 (or 3.11, 3.13)" \
			"where python3 is not the one to take." >&2; exit 1; }; \
		test '$(origin PYTHON)' != 'command line' || \
		test "$$($(PYTHON) -Bc $(VERSION))" = "$$($(BIN)/python -Bc $(VERSION))" || \
		{ echo "PYTHON=$(PYTHON) changes nothing: $(VENV) was made by another Python. Remove it with 'make clean' first." >&2; exit 1; }; \
	else \
		$(PYTHON) -Bc 'import app' || \
		{ echo "Install Python 3.11 or newer, and name it: make $(or $(MAKECMDGOALS),run) PYTHON=python3.12" >&2; exit 1; }; \
	fi

# A part that fails keeps no other from running, and fails the whole in the end. Bytecode is kept even where the environment says not
# to: every process of the gateway that a test starts would compile the whole package anew.
test test-gateway test-client-% contract: export PYTHONDONTWRITEBYTECODE :=
test:
	$(MAKE) --keep-going --no-print-directory test-gateway test-callers

# These wait for servers most of their time, so they run side by side.
test-callers:
	$(MAKE) --keep-going --no-print-directory --jobs 3 $(and $(filter output-sync,$(.FEATURES)),--output-sync=target) \
		test-client-1.5.1 test-client-1.5.9 contract

# Half of the time a test waits for a process to start, for a socket or for a limit of the exchange: four workers keep two processors
# busy.
test-gateway: WORKERS ?= 4
test-gateway: $(VENV)/.dev
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal --ignore tests/contract

# The contract as tools see it: linters, generated clients that trade, a mock that serves every example, generated requests. Node is the
# one thing here that is not Python: without it, what needs it is skipped, unless TESTS_REQUIRE_NODE is set.
contract: $(VENV)/.dev contract-tools
	$(BIN)/python -m pytest -n 2 --dist worksteal tests/contract

# Generated requests by the tool's own defaults, against a server that runs here already: URL, and PASSWORD of user admin.
schemathesis: URL ?= http://127.0.0.1:8000
schemathesis: $(VENV)/.dev
	$(BIN)/schemathesis --config-file tests/contract/schemathesis.toml run $(URL)/openapi.json --auth 'admin:$(PASSWORD)'

NODE_TOOLS := tools/contract/node_modules/.ready

contract-tools:
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory $(NODE_TOOLS); \
	else echo "*** NO NODE HERE: linters, mock and the TypeScript client are SKIPPED. Install Node 20.19 or newer. ***" >&2; fi

$(NODE_TOOLS): tools/contract/package-lock.json tools/contract/package.json
	cd tools/contract && npm ci --no-progress --loglevel error
	touch $@

# The console's libraries, each as one module in app/console/vendor, from the lock file in tools/console. What it makes is committed.
console-tools: tools/console/node_modules/.ready

vendor: tools/console/node_modules/.ready
	node tools/console/vendor.js

tools/console/node_modules/.ready: tools/console/package-lock.json tools/console/package.json
	cd tools/console && npm ci --no-progress --loglevel error
	touch $@

.PHONY: console-pictures console-load

# The console under load in Chromium: 200 events per second for a minute, and order entry with 20 consoles open. Wants a quiet machine.
# OPTIONS="--seconds 3600 --events 50 --consoles 0" follows an hour of events and measures memory alone.
console-load: $(VENV)/.dev
	$(BIN)/python -m tests.console.load $(OPTIONS)

# The pictures of the console in docs/pictures, taken in Chromium. SCHEME=light WIDTH=390 FOLDER=/tmp takes others.
console-pictures: $(VENV)/.dev
	$(BIN)/python -m tests.console.pictures $(if $(SCHEME),--scheme $(SCHEME)) $(if $(WIDTH),--width $(WIDTH)) $(if $(FOLDER),--folder $(FOLDER))

test-client-1.5.1: $(VENV)/client-1.5.1/.ready
	$(CLIENT_TESTS)/client-1.5.1/bin/python $(CLIENT_RUN) --ignore tests/client/only_1_5_9

test-client-1.5.9: $(VENV)/client-1.5.9/.ready
	$(CLIENT_TESTS)/client-1.5.9/bin/python $(CLIENT_RUN) --ignore tests/client/only_1_5_1

# The official client of hummingbot-api, both versions that callers have, each in an environment of its own.
CLIENT_TESTS := ORDERGATE_PYTHON=$(CURDIR)/$(BIN)/python $(VENV)
CLIENT_RUN := -m pytest -c tests/client/pytest.ini --rootdir . --confcutdir tests/client tests/client

$(VENV)/client-%/.ready: tests/client/requirements-%.txt $(VENV)/.dev
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install $(PIP_FLAGS) -r $<
	touch $@

# Clients that are too large for `make test` trade on the sandbox, each in an environment of its own.
SANDBOX_CLIENTS := binance_connector binance_sdk_spot binance_sdk_futures nautilus freqtrade_spot freqtrade_futures

sandbox-clients:
	$(MAKE) --keep-going --no-print-directory $(SANDBOX_CLIENTS:%=sandbox-client-%)

sandbox-client-freqtrade_%: $(VENV)/sandbox-freqtrade/.ready
	ORDERGATE_PYTHON=$(CURDIR)/$(BIN)/python $(VENV)/sandbox-freqtrade/bin/python tests/sandbox_clients/trade_freqtrade.py $*

sandbox-client-nautilus: $(VENV)/sandbox-nautilus/.ready
	ORDERGATE_PYTHON=$(CURDIR)/$(BIN)/python $(VENV)/sandbox-nautilus/bin/python tests/sandbox_clients/trade_nautilus.py

sandbox-client-binance_%: $(VENV)/sandbox-binance/.ready
	ORDERGATE_PYTHON=$(CURDIR)/$(BIN)/python $(VENV)/sandbox-binance/bin/python tests/sandbox_clients/trade_binance_$*.py

# sdnotify, which freqtrade needs, is published as source only.
$(VENV)/sandbox-%/.ready: tests/sandbox_clients/requirements-%.txt $(VENV)/.dev
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install $(PIP_FLAGS) --no-binary sdnotify -r $<
	touch $@

# Kills and faults under load, then the whole promise. The seed is printed; SEED=... repeats it, REPORT=1 writes docs/build/chaos-report.md.
# EXCHANGE is paper, or a name that has a local exchange: binance, bybit, each also with _perpetual.
chaos: SECONDS ?= 600
chaos: EXCHANGE ?= paper
chaos: $(VENV)/.dev
	$(BIN)/python -m tests.chaos --exchange $(EXCHANGE) --seconds $(SECONDS) $(if $(SEED),--seed $(SEED)) $(if $(REPORT),--report)

# A real server killed at every step while it trades on a local exchange: EXCHANGE=bybit, or several with commas between.
crash: EXCHANGE ?= bybit
crash: $(VENV)/.dev
	ORDERGATE_CRASH=$(EXCHANGE) $(BIN)/python -m pytest -n 0 --timeout 1800 tests/crash/test_local_exchanges.py

# The conformance suite and the model over exchanges with every two habits together; `make test` has less.
quirks: $(VENV)/.dev
	ORDERGATE_QUIRKS=pairs $(BIN)/python -m pytest -n 2 --timeout 900 tests/connectors/quirks tests/model/test_quirks.py

# The gateway in simulated time: a million orders, ten thousand crashes, every fault, decided by one seed. The seed is printed; SEED=...
# repeats it, PROCESSES=2 to 4 share a database, REPORT=1 writes docs/build/simulation-report.md. WORLD='...', as a failing run prints it,
# repeats one world.
simulate: ORDERS ?= 1000000
simulate: $(VENV)/.dev
	$(BIN)/python -m tests.simulation --orders $(ORDERS) $(if $(PROCESSES),--processes $(PROCESSES)) $(if $(SEED),--seed $(SEED)) \
		$(if $(POSTGRES),--postgres) $(if $(KEEP),--keep $(KEEP)) $(if $(WORLD),--world '$(WORLD)') $(if $(REPORT),--report)

# Every order of events of small worlds. WORLD='order and cancel' walks one, WAY=0,1,2 one way of it, as a violation prints it.
# REPORT=1 writes docs/build/simulation-report.md.
explore: $(VENV)/.dev
	$(BIN)/python -m tests.simulation.explore $(if $(WORLD),'$(WORLD)') $(if $(WAY),--way $(WAY)) $(if $(REPORT),--report)

# Two hundred halts, and as many deleted keys, while four processes place on PostgreSQL and are killed at any step. ROUNDS= and SEED=
# choose others.
halts: $(VENV)/.dev
	ORDERGATE_HALTS=$(or $(ROUNDS),200) $(if $(SEED),SEED=$(SEED)) $(BIN)/python -m pytest -n 0 --timeout 7200 tests/crash/test_halts.py \
		tests/crash/test_revocations.py

# What a host does to a gateway, in its long forms: a minute of each. The short ones are part of `make test`.
hostfaults: $(VENV)/.dev
	ORDERGATE_HOST_SECONDS=60 $(BIN)/python -m pytest -n 0 --timeout 900 tests/host

# Ten thousand random orders, each previewed and then placed: both must agree. `make test` has three hundred.
previews: $(VENV)/.dev
	ORDERGATE_PREVIEWS=$(or $(ORDERS),10000) $(BIN)/python -m pytest -q -s -n 0 --timeout 3600 \
		tests/services/orders/test_previewing.py::test_preview_and_placing_agree_on_random_orders

# Each safeguard of docs/build/promise.md removed in turn, until the simulation finds it. REPORT=1 writes docs/build/simulation-report.md.
sabotage: $(VENV)/.dev
	$(BIN)/python -m tests.simulation.sabotage $(if $(REPORT),--report)

# The gateway beside its peers, side by side; writes docs/appendix/performance.md. Wants a quiet machine with two processors for 25 minutes.
# PARTS=streams,growth measures only these (docs/appendix/performance.md names them); ROUNDS=3 makes it shorter.
bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks.run $(if $(PARTS),--parts $(PARTS)) $(if $(ROUNDS),--rounds $(ROUNDS))

# The shape of the code as figures: files per directory, longest file and function, import contracts, modules on three walks.
# ROOT=path measures another checkout.
layout: $(VENV)/.dev
	$(BIN)/python -m tools.layout $(if $(ROOT),--root $(ROOT))

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --config setup.cfg
	$(BIN)/python -m openapi.generate --check
	$(BIN)/python -m tools.compatibility

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

generate: $(VENV)/.dev
	$(BIN)/python -m openapi.generate

# Exact versions with hashes, for every platform and every Python that setup.cfg allows. What runs is what was tested: the runtime's
# versions are held to those of the tests.
COMPILE := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --quiet

lock: $(VENV)/.dev
	$(COMPILE) setup.cfg --extra dev -o requirements-dev.txt
	$(COMPILE) tests/client/requirements-1.5.1.in -o tests/client/requirements-1.5.1.txt
	$(COMPILE) tests/client/requirements-1.5.9.in -o tests/client/requirements-1.5.9.txt
	$(COMPILE) tests/sandbox_clients/requirements-binance.in -o tests/sandbox_clients/requirements-binance.txt
	$(COMPILE) tests/sandbox_clients/requirements-nautilus.in -o tests/sandbox_clients/requirements-nautilus.txt
	$(COMPILE) tests/sandbox_clients/requirements-freqtrade.in -o tests/sandbox_clients/requirements-freqtrade.txt
	$(COMPILE) benchmarks/peers/requirements.in -o benchmarks/peers/requirements.txt
	$(COMPILE) setup.cfg --constraint requirements-dev.txt -o requirements.txt
	$(COMPILE) requirements-build.in -o requirements-build.txt

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# Also where a virtual environment was begun and has no pip.
MAKE_VENV = echo "Installing the packages of $< into $(VENV), which takes a minute or two."; \
	$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements.txt | python
	@$(MAKE_VENV)
	$(PIP) -r requirements.txt
	touch $@

$(VENV)/.dev: requirements-dev.txt | python
	@$(MAKE_VENV)
	$(PIP) -r requirements-dev.txt
	touch $@ $(VENV)/.runtime

# The command, as setup.cfg names it.
$(BIN)/ordergate: requirements-build.txt | $(VENV)/.runtime
	$(PIP) -r requirements-build.txt
	$(INSTALL_COMMAND)
	touch $@
