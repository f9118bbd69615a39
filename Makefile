# The two commands of the README are `make run` and `make test`; both make .venv from the lock file first.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary :all: --require-hashes

.PHONY: run test check format generate lock clean chaos

run: $(VENV)/.runtime
	$(BIN)/python -m app db upgrade
	exec $(BIN)/python -m app serve

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n 2 --dist worksteal

# Kills and faults under load, then the whole promise. The seed is printed; SEED=... repeats it, REPORT=1 writes docs/chaos-report.md.
chaos: SECONDS ?= 600
chaos: $(VENV)/.dev
	$(BIN)/python -m tests.chaos --seconds $(SECONDS) $(if $(SEED),--seed $(SEED)) $(if $(REPORT),--report)

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --config setup.cfg
	$(BIN)/python -m openapi.generate --check

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
	$(COMPILE) setup.cfg --constraint requirements-dev.txt -o requirements.txt

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/.runtime: requirements.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) -r requirements.txt
	touch $@

$(VENV)/.dev: requirements-dev.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) -r requirements-dev.txt
	touch $@ $(VENV)/.runtime
