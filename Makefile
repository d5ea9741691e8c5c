# Two commands matter: `make demo` shows the product, `make test` proves it. Both set everything up.
PYTHON ?= python3
BIN := .venv/bin
export UV_NO_PROGRESS := 1
# Compiled modules are kept, whatever the caller's environment says: a process begins in half the time.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: setup browser demo test check test-long lint docs coverage bench bench-text lock clean

setup: .venv/.ready

.venv/.ready: requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --compile-bytecode --require-hashes -r requirements.lock
	@VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --no-deps --editable .
	@touch $@

# The browser tests drive Debian's Chromium; it is installed where it is missing.
browser:
	@command -v chromium >/dev/null || { (apt-get update -qq && apt-get install -y -qq chromium) >/dev/null 2>&1 || \
	  { echo "Chromium is missing and could not be installed; run: sudo apt-get install chromium"; exit 1; }; }

demo: setup
	@$(BIN)/wellheard --home demo-home demo

# Three processes on two cores: some tests wait for a server, a browser or a death more than they compute.
test: setup browser
	@$(BIN)/python -m pytest -n 3 -m "not long"

check: setup
	@$(BIN)/python -m pytest -n 3 -m "not long and not slow and not browser"

test-long: setup browser
	@WELLHEARD_TEST_LONG=1 $(BIN)/python -m pytest -n 2

lint: setup
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

docs: setup
	@$(BIN)/wellheard docs docs/kpis

# How often each interval holds the truth, by 20,000 draws: some minutes.
coverage: setup
	@$(BIN)/python -m wellheard.metrics.designs src/wellheard/metrics/coverage.json

# What is measured, against whom: SIZE=1 by default, ONLY=scorecard for one subject. SIZE=10 needs an hour or two.
SIZE ?= 1
bench: setup
	@VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --require-hashes -r bench/requirements.lock
	@$(BIN)/python -m bench --size $(SIZE) $(if $(ONLY),--only $(ONLY))
	@$(BIN)/python -m bench.report

# Every bar of the reader of texts beside VADER, TextBlob and TF-IDF + logistic regression: some minutes.
bench-text: setup
	@VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --require-hashes -r bench/requirements.lock
	@$(BIN)/python -m training.bench --data ../shared/data

lock: setup
	@VIRTUAL_ENV=.venv $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	  --no-emit-index-url --group dev pyproject.toml -o requirements.lock
	@VIRTUAL_ENV=.venv $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	  --no-emit-index-url --group bench -c requirements.lock pyproject.toml -o bench/requirements.lock

clean:
	rm -rf .venv demo-home
