# Two commands matter: `make run` opens the app, `make test` proves it. `make help` lists the rest.

PORT ?= 7860
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
OPEN ?= 1
PY := $(VENV)/bin/python
PIP := $(PY) -m pip install --disable-pip-version-check -c constraints.txt
# Root needs no sudo; anybody else may have it without a password, or installs system packages by hand.
SUDO := $(shell [ "$$(id -u)" = 0 ] || { command -v sudo >/dev/null && echo sudo -n; })
# What the tests need of Debian, as program-or-library:packages; the libraries are open3d's.
SYSTEM := chromium:chromium,fonts-dejavu-core,fonts-liberation initdb:postgresql libGL.so.1:libgl1 libEGL.so.1:libegl1 \
  libX11.so.6:libx11-6 libusb-1.0.so.0:libusb-1.0-0
PACKAGES := lamm_core app annotation
ALL_PYTHON := $(PACKAGES) benchmarks tests app.py

export HF_HUB_DISABLE_TELEMETRY = 1
export DO_NOT_TRACK = 1
export GRADIO_ANALYTICS_ENABLED = False

.PHONY: help run install fetch test check audit format system pin tree clean
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

test: $(VENV)/.installed-dev system fetch ## Run every test but those that need a GPU
	$(PY) -m pytest -m "not gpu"

check: $(VENV)/.installed-dev ## Lint, formatting, types, import rules
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy $(PACKAGES)
	$(PY) -m bandit -q -c pyproject.toml -r $(PACKAGES) app.py
	$(PY) -m pytest -q tests/test_architecture.py

# In an environment of its own: it brings a dozen packages, and the lists of known holes lie on the network.
audit: $(VENV)/bin/python ## Look the pinned versions up in the lists of known holes (wants a network)
	@$(PYTHON) -m venv $(VENV)-audit && $(VENV)-audit/bin/python -m pip install -q --disable-pip-version-check pip-audit==2.10.1
	$(VENV)-audit/bin/pip-audit --disable-pip --no-deps -r constraints.txt

format: $(VENV)/.installed-dev ## Let ruff put the code in shape
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

system: ## Install what the tests need of Debian: a browser, PostgreSQL, the libraries of open3d
	@missing=""; libraries="$$(PATH="$$PATH:/sbin:/usr/sbin" ldconfig -p)"; \
	for pair in $(SYSTEM); do \
	  name="$${pair%%:*}"; \
	  command -v "$$name" >/dev/null || ls /usr/lib/postgresql/*/bin/"$$name" >/dev/null 2>&1 || \
	  case "$$libraries" in *"$$name"*) ;; *) missing="$$missing $$(echo "$${pair#*:}" | tr , ' ')";; esac; \
	done; \
	[ -z "$$missing" ] || { \
	  echo "Installing$$missing"; \
	  $(SUDO) apt-get update -q && \
	  $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $$missing; } || { \
	  echo "These Debian packages are missing and could not be installed:$$missing"; exit 1; }

pin: $(VENV)/.installed-dev ## Write the installed versions into constraints.txt
	@{ head -1 constraints.txt; $(PY) -m pip freeze --exclude-editable | sed -E 's/\+[a-z0-9]+$$//'; } > constraints.new
	@mv constraints.new constraints.txt

tree: $(VENV)/.installed-dev ## Write the README's tree anew
	@$(PY) docs/tree.py

clean: ## Remove the environment and tool caches (never models, runs or weights)
	rm -rf $(VENV) $(VENV)-audit .mypy_cache .ruff_cache .pytest_cache

$(VENV)/bin/python:
	@echo "Creating $(VENV) with $(PYTHON)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed; PYTHON=/path/to/python3.11 make ... names one."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "The venv module is missing: apt-get install python3-venv"; exit 1; }

# The stamps make a second start a matter of seconds: pip is asked only after a list of packages changed.
$(VENV)/.installed: requirements.txt constraints.txt pyproject.toml | $(VENV)/bin/python
	@echo "Installing what LAMM Studio runs on (about 2 GB, once)"
	$(PIP) -r requirements.txt || { command -v c++ >/dev/null || \
	  echo "fpsample is published as source and wants a C++ compiler: apt-get install g++"; exit 1; }
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
