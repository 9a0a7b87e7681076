PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/installed
# Test processes; each may take some GB of memory.
WORKERS ?= 2

.PHONY: setup demo test test-fast test-long lint format

setup: $(STAMP)

# Made again when a requirement changes.
$(STAMP): setup.cfg pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -e ".[pretrained,edge,test,lint]"
	touch $(STAMP)

# Train on the embedded sample, say what each modality is worth, export, and answer one record from files.
demo: $(STAMP)
	$(BIN)/mmzoo train emoji --out runs/demo
	$(BIN)/mmzoo export runs/demo --format saved_model
	$(BIN)/mmzoo export runs/demo --format tflite
	$(BIN)/python -m mmzoo.datasets.emoji.sample 1f427 runs/sample
	$(BIN)/mmzoo predict runs/demo --image runs/sample/image.png --text "$$(cat runs/sample/name.txt)" --audio runs/sample/speech.wav
	@echo "Open runs/demo/report.html in a browser."

test: $(STAMP)
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup -m "not long"

test-fast: $(STAMP)
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup -m "not slow and not long"

# Every kill, and every recipe compiled.
test-long: $(STAMP)
	$(BIN)/python -m pytest -m long

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy mmzoo
	$(BIN)/lint-imports

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
