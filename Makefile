# Every target does its own set-up; ARGS="…" is passed on, as in: make serve ARGS="--port 9000"
# MINIMAL=1 leaves out the natural voice and Whisper, as in: make serve MINIMAL=1

IN_VENV := .venv/bin/python
MINIMAL ?=
READY := .venv/.installed$(if $(MINIMAL),-minimal)
READY_TO_TEST := .venv/.installed-test
READY_FOR_TORCH := .venv/.installed-neural
READY_FOR_ENGINES := .venv/.installed-test-engines
# contiguous halves of the tests for two processes, of which the faster takes over from the slower at the end
PYTEST := $(IN_VENV) -m pytest --numprocesses logical --maxprocesses 4 --dist worksteal
ARGS ?=
URL ?=
REQUESTS ?= 500

.PHONY: serve test test-browser test-engines engines-table test-gpu lint types bench quality conformance wheel-check setup clean

serve: $(READY)
	@exec $(IN_VENV) -m gateway serve $(ARGS)

# All that needs neither torch nor an environment of engines.
test: $(READY_TO_TEST)
	$(PYTEST) -m "not engines" $(ARGS)

# The console, driven in a browser: Playwright is installed, chromium must be there (apt-get install chromium, or CHROMIUM=/path/to/it).
test-browser: $(READY_TO_TEST)
	$(IN_VENV) -m pip install --quiet --editable ".[browser]"
	$(IN_VENV) -m pytest tests/gateway/console $(ARGS)

# The rest: every engine, with its library, on small checkpoints.
test-engines: $(READY_FOR_ENGINES)
	$(PYTEST) -m engines $(ARGS)

# What is shown of each engine, after 500 jobs each too, put into the table in docs/engines.md. A part of it by ARGS, as in
# make engines-table ARGS="-k chatterbox" REQUESTS=0, after which the rest of the table is as it was.
engines-table: $(READY_FOR_ENGINES)
	-REQUESTS=$(REQUESTS) $(IN_VENV) -m pytest -m engines --engine-runs docs/engine-runs.json tests/engines $(ARGS)
	$(IN_VENV) -m bench.engine_table

# What needs a GPU, with small checkpoints; where torch sees none, each test says so.
test-gpu: $(READY_FOR_TORCH)
	$(IN_VENV) -m pytest tests/gpu $(ARGS)

lint: $(READY_TO_TEST)
	$(IN_VENV) -m ruff check .
	$(IN_VENV) -m ruff format --check .

types: $(READY_TO_TEST)
	$(IN_VENV) -m mypy

bench: $(READY_FOR_TORCH)
	$(IN_VENV) -m bench $(ARGS)

# What the engines are heard to say; make quality ARGS="--write" puts the findings into docs/quality.md
quality: $(READY_FOR_TORCH)
	$(IN_VENV) -m bench.quality $(ARGS)

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

$(READY): pyproject.toml scripts/setup scripts/natural.txt
	@scripts/setup $(if $(MINIMAL),minimal)

$(READY_TO_TEST): pyproject.toml scripts/setup scripts/natural.txt
	@scripts/setup test

$(READY_FOR_TORCH): pyproject.toml scripts/setup scripts/natural.txt
	@scripts/setup neural

$(READY_FOR_ENGINES): pyproject.toml scripts/setup scripts/natural.txt $(wildcard engines/environments/requirements/*) engines/environments/groups.py
	@scripts/setup test-engines

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
