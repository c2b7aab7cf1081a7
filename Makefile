# Every target does its own set-up; ARGS="…" is passed on, as in: make serve ARGS="--port 9000"

PYTHON := .venv/bin/python
READY := .venv/.installed
ARGS ?=
URL ?=

.PHONY: serve test lint types bench conformance setup clean

serve: $(READY)
	@exec $(PYTHON) -m gateway serve $(ARGS)

test: $(READY)
	$(PYTHON) -m pytest $(ARGS)

lint: $(READY)
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .

types: $(READY)
	$(PYTHON) -m mypy

bench: $(READY)
	$(PYTHON) -m bench $(ARGS)

# Against a server of its own, or any other: make conformance URL=https://host/v1 ARGS="--api-key KEY"
conformance: $(READY)
ifeq ($(URL),)
	$(PYTHON) scripts/with_server.py $(PYTHON) -m conformance --base-url {base_url} --api-key {key} $(ARGS)
else
	$(PYTHON) -m conformance --base-url $(URL) $(ARGS)
endif

setup: $(READY)

$(READY): pyproject.toml scripts/setup
	@scripts/setup

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
