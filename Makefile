# Two commands do everything: `make demo` and `make test`. Each sets up its own virtual environment; neither needs root.
PYTHON ?= python3
VENV := .venv

.PHONY: demo test lint types speed clean

demo: $(VENV)/installed
	$(VENV)/bin/talkbench demo -o talkbench-demo

test: $(VENV)/tox
	$(VENV)/bin/tox run

lint types speed: $(VENV)/tox
	$(VENV)/bin/tox run -e $@

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "talkbench needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(VENV)/bin/python pyproject.toml
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/tox: $(VENV)/bin/python
	$(VENV)/bin/pip install --quiet --disable-pip-version-check 'tox>=4.14'
	touch $@

clean:
	rm -rf $(VENV) .tox build *.egg-info talkbench-demo .mypy_cache .pytest_cache .ruff_cache .hypothesis .benchmarks
