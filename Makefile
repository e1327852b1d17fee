# Two commands: `make demo` shows the whole product, `make test` proves it. Both make .venv and install what they need.
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
VENV ?= .venv
# One more than there are cores: many tests wait, for processes that start and leases that end.
JOBS ?= $(shell echo $$(($$(nproc 2>/dev/null || echo 2) + 1)))

# The tests start hundreds of processes: what is compiled once need not be compiled by each of them.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test lint pictures lock clean
.DEFAULT_GOAL := help

help: ## what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV) || { [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -y -qq python3-venv && $(PYTHON) -m venv $(VENV); }

$(VENV)/.demo: $(VENV)/bin/python pyproject.toml
	$(VENV)/bin/python -m pip install -q -e .
	@touch $@

$(VENV)/.test: $(VENV)/bin/python pyproject.toml
	$(VENV)/bin/python -m pip install -q -e '.[test]'
	@touch $@ $(VENV)/.demo

# A real browser for the pages' tests (as root Debian's Chromium without its window, which takes a quarter less time, else the
# one that playwright brings), and axe, which looks at each page.
$(VENV)/.browser: $(VENV)/.test tests/browser/package-lock.json
	@command -v chromium-headless-shell >/dev/null || { \
	  if [ "$$(id -u)" = 0 ]; then apt-get update -qq; export DEBIAN_FRONTEND=noninteractive; \
	    apt-get install -y -qq --no-install-recommends chromium-headless-shell || apt-get install -y -qq --no-install-recommends chromium; \
	  else command -v chromium >/dev/null || $(VENV)/bin/playwright install chromium; fi; }
	@command -v npm >/dev/null || { [ "$$(id -u)" = 0 ] && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends npm; }
	npm ci --prefix tests/browser --no-audit --no-fund --silent
	@touch $@

demo: $(VENV)/.demo ## a made-up town, live offers, a week of history: addresses and log-ins are printed
	$(VENV)/bin/kairos demo $(ARGS)

test: $(VENV)/.browser ## everything, on a real PostgreSQL that the tests start themselves
	@$(VENV)/bin/python -m compileall -q -j 0 server passes bench  # else each of the processes would, at the same time
	$(VENV)/bin/python -m pytest -n $(JOBS) --dist worksteal -q $(ARGS)

lint: $(VENV)/.test ## ruff, mypy --strict, import contracts
	$(VENV)/bin/ruff check server passes tests bench
	$(VENV)/bin/ruff format --check server passes tests bench
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

pictures: $(VENV)/.browser ## docs/pages: a picture of every page, taken at a demo of its own
	$(VENV)/bin/python -m tests.browser.pictures $(ARGS)

lock: $(VENV)/.test ## write .ci/requirements.lock anew: names, versions and hashes
	$(VENV)/bin/python -m pip install -q pip-tools
	$(VENV)/bin/pip-compile -q --generate-hashes --strip-extras --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options --no-header --no-annotate -o .ci/requirements.lock pyproject.toml

clean: ## remove the virtual environment
	rm -rf $(VENV)
