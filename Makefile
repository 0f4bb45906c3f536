# make demo    install into .venv and watch calls being forwarded, tagged and rejected
# make test    install the test tools and what they talk to, then `make check`
# make compiled  the package as it is installed for production, its rooms compiled, into build/compiled
# make check   format, lint, types, doors between rooms, tests, branch coverage
# make bench   cost and latency of a call; writes build/bench.json
# make gate    instructions of a call against the recorded baseline (tests/bench/baseline.json)
# make fuzz    FUZZ_SECONDS of fuzzing for each parser
# make docs    write docs/settings/, docs/numbering/ and docs/calendar/ anew from the models
# PYTHON=/path/to/python3.11 chooses the Python that .venv is made with.

VENV := .venv
PYTHON_IN_VENV := $(VENV)/bin/python
FUZZ_SECONDS ?= 60
# Most tests wait for clocks and sockets: two at a time take little more than half as long.
SIDE_BY_SIDE := -n 2 --dist loadfile
# One file a kind of installation; what is newer than it installs, and compiles, again.
INSTALLED_FROM := pyproject.toml setup.py tools/venv.sh tools/mypyc.ini $(wildcard src/native/*.[ch])

.PHONY: demo test check format lint types doors tests coverage compiled compiled-tests gate peers bench fuzz docs clean

demo: $(VENV)/.ready-run
	$(VENV)/bin/ringfence demo

test: $(VENV)/.ready-dev peers
	$(MAKE) --no-print-directory check

# Compiling takes one core for a minute or two, and so do the checks before the tests.
check: $(VENV)/.ready-dev
	$(MAKE) --no-print-directory --output-sync=target -j2 compiled lint types doors coverage
	$(MAKE) --no-print-directory tests compiled-tests gate

lint: $(VENV)/.ready-dev
	$(VENV)/bin/ruff format --check src tests setup.py
	$(VENV)/bin/ruff check src tests setup.py

format: $(VENV)/.ready-dev
	$(VENV)/bin/ruff format src tests setup.py
	$(VENV)/bin/ruff check --fix src tests setup.py

types: $(VENV)/.ready-dev
	$(VENV)/bin/mypy

doors: $(VENV)/.ready-dev
	$(VENV)/bin/lint-imports

coverage: $(VENV)/.ready-dev
	$(PYTHON_IN_VENV) tests/coverage_gate.py

tests: $(VENV)/.ready-dev
	$(PYTHON_IN_VENV) -m pytest $(SIDE_BY_SIDE)

# The rooms' own tests again, and the independent SIP software, on the rooms as mypyc compiled them.
compiled-tests: build/compiled/.ready
	PYTHONPATH=$(CURDIR)/build/compiled $(PYTHON_IN_VENV) -m pytest $(SIDE_BY_SIDE) tests/sip tests/transaction tests/forwarding tests/screening \
		tests/engine tests/transport tests/numbering tests/records tests/lookups tests/ledger tests/workers/test_parcel.py \
		tests/cli/test_main.py tests/e2e

compiled: build/compiled/.ready

# The call path may not grow unseen: pure and compiled.
gate: build/compiled/.ready
	PYTHONPATH=$(CURDIR)/build/compiled $(PYTHON_IN_VENV) -m tests.bench.gate
	RINGFENCE_PURE=1 $(PYTHON_IN_VENV) -m tests.bench.gate

build/compiled/.ready: $(VENV)/.ready-dev $(INSTALLED_FROM) $(shell find src/ringfence -name '*.py')
	rm -rf build/compiled build/lib* build/temp* build/bdist*
	$(PYTHON_IN_VENV) -m pip install -qq --disable-pip-version-check --no-deps --target build/compiled .
	PYTHONPATH=$(CURDIR)/build/compiled $(PYTHON_IN_VENV) -c 'from ringfence import compiled; print(compiled.extent())'
	touch $@

peers:
	tests/system-packages.sh

bench: build/compiled/.ready peers
	PYTHONPATH=$(CURDIR)/build/compiled $(PYTHON_IN_VENV) -m tests.bench

fuzz: $(VENV)/.ready-fuzz
	for target in $$($(PYTHON_IN_VENV) -c 'from tests.fuzz.targets import TARGETS; print(*TARGETS)'); do \
		$(PYTHON_IN_VENV) -m tests.fuzz $$target -max_total_time=$(FUZZ_SECONDS) || exit 1; \
	done

docs: $(VENV)/.ready-dev
	$(PYTHON_IN_VENV) -m ringfence.config.document docs/settings docs/numbering docs/calendar

$(VENV)/.ready-run: $(INSTALLED_FROM)
	tools/venv.sh

$(VENV)/.ready-%: $(INSTALLED_FROM)
	tools/venv.sh $*

clean:
	rm -rf $(VENV) build
