# Every target does its own set-up; ARGS="…" is passed on, as in: make serve ARGS="--port 9000"

IN_VENV := .venv/bin/python
READY := .venv/.installed
READY_TO_TEST := .venv/.installed-test
ARGS ?=
URL ?=

.PHONY: serve test lint types bench conformance wheel-check setup clean

serve: $(READY)
	@exec $(IN_VENV) -m gateway serve $(ARGS)

test: $(READY_TO_TEST)
	$(IN_VENV) -m pytest --numprocesses logical --maxprocesses 4 --dist loadfile $(ARGS)

lint: $(READY_TO_TEST)
	$(IN_VENV) -m ruff check .
	$(IN_VENV) -m ruff format --check .

types: $(READY_TO_TEST)
	$(IN_VENV) -m mypy

bench: $(READY_TO_TEST)
	$(IN_VENV) -m bench $(ARGS)

# Against a server of its own, or any other: make conformance URL=https://host/v1 ARGS="--api-key KEY"
conformance: $(READY_TO_TEST)
ifeq ($(URL),)
	$(IN_VENV) scripts/with_server.py $(IN_VENV) -m conformance --base-url {base_url} --api-key {key} $(ARGS)
else
	$(IN_VENV) -m conformance --base-url $(URL) $(ARGS)
endif

# The wheel, alone in an environment of its own, used from a folder with packages of the same names.
wheel-check: $(READY)
	@scripts/check_wheel

setup: $(READY)

$(READY): pyproject.toml scripts/setup
	@scripts/setup

$(READY_TO_TEST): pyproject.toml scripts/setup
	@scripts/setup test

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
