# Two commands matter: `make run` opens the app, `make test` proves it. `make help` lists the rest.

PORT ?= 7860
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
OPEN ?= 1
PY := $(VENV)/bin/python
PIP := $(PY) -m pip install --disable-pip-version-check -c constraints.txt
# Root needs no sudo; anybody else may have it without a password, or installs system packages by hand.
SUDO := $(shell [ "$$(id -u)" = 0 ] || { command -v sudo >/dev/null && echo sudo -n; })
SYSTEM_PACKAGES := chromium fonts-dejavu-core fonts-liberation
DATABASE_PACKAGES := postgresql
PACKAGES := lamm_core app annotation
ALL_PYTHON := $(PACKAGES) benchmarks tests app.py

export HF_HUB_DISABLE_TELEMETRY = 1
export DO_NOT_TRACK = 1
export GRADIO_ANALYTICS_ENABLED = False

.PHONY: help run install fetch test check format browser database pin tree clean
.DEFAULT_GOAL := help

help: ## Show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'
	@echo "  PORT=8000 make run   serves on another port; OPEN=0 leaves the browser alone"

run: install fetch ## Install what is missing, fetch the weights, open the app on 127.0.0.1:7860
	@$(PY) -c "import socket; socket.create_server(('127.0.0.1', $(PORT))).close()" 2>/dev/null || { \
	  echo "Port $(PORT) is taken. PORT=8000 make run serves on another one."; exit 1; }
	@if [ "$(OPEN)" = 1 ]; then $(PY) -c "$$WAIT_AND_OPEN" & fi; \
	echo "LAMM Studio: http://127.0.0.1:$(PORT)  (Ctrl-C ends it)"; \
	PORT=$(PORT) exec $(PY) app.py

install: $(VENV)/.installed ## Create the environment and install the pinned requirements
	@:

fetch: install ## Fetch the base weights (once, into the cache folder)
	@$(PY) -m lamm_core fetch

test: $(VENV)/.installed-dev browser database ## Run every test but those that need a GPU
	$(PY) -m pytest -m "not gpu"

check: $(VENV)/.installed-dev ## Lint, formatting, types, import rules
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy $(PACKAGES)
	$(PY) -m pytest -q tests/test_architecture.py

format: $(VENV)/.installed-dev ## Let ruff put the code in shape
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

browser: ## Install the browser that the page's tests drive (Debian)
	@command -v chromium >/dev/null || { \
	  echo "Installing $(SYSTEM_PACKAGES)"; \
	  $(SUDO) apt-get update -q && $(SUDO) apt-get install -q -y --no-install-recommends $(SYSTEM_PACKAGES); } || { \
	  echo "Chromium is missing and could not be installed: apt-get install $(SYSTEM_PACKAGES)"; exit 1; }

database: ## Install the PostgreSQL that the review queue is tested on, beside SQLite (Debian)
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || { \
	  echo "Installing $(DATABASE_PACKAGES)"; \
	  $(SUDO) apt-get update -q && $(SUDO) apt-get install -q -y --no-install-recommends $(DATABASE_PACKAGES); } || { \
	  echo "PostgreSQL is missing and could not be installed: apt-get install $(DATABASE_PACKAGES)"; exit 1; }

pin: $(VENV)/.installed-dev ## Write the installed versions into constraints.txt
	@{ head -1 constraints.txt; $(PY) -m pip freeze --exclude-editable | sed -E 's/\+[a-z0-9]+$$//'; } > constraints.new
	@mv constraints.new constraints.txt

tree: $(VENV)/.installed-dev ## Write the README's tree anew
	@$(PY) docs/tree.py

clean: ## Remove the environment and tool caches (never models, runs or weights)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache

$(VENV)/bin/python:
	@echo "Creating $(VENV) with $(PYTHON)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed; PYTHON=/path/to/python3.11 make ... names one."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "The venv module is missing: apt-get install python3-venv"; exit 1; }

# The stamps make a second start a matter of seconds: pip is asked only after a list of packages changed.
$(VENV)/.installed: requirements.txt constraints.txt pyproject.toml | $(VENV)/bin/python
	@echo "Installing what LAMM Studio runs on (about 2 GB, once)"
	$(PIP) -r requirements.txt
	$(PY) -m pip install --disable-pip-version-check --quiet --no-deps --editable .
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	$(PIP) --quiet -r requirements-dev.txt
	@touch $@

define WAIT_AND_OPEN
import os, socket, sys, time, webbrowser
if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
    sys.exit()
for _ in range(600):
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", $(PORT))) == 0:
            webbrowser.open("http://127.0.0.1:$(PORT)")
            break
    time.sleep(0.1)
endef
export WAIT_AND_OPEN
