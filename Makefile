# Every target is one step of the same house; `make help` lists them.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
.DEFAULT_GOAL := help

.PHONY: help setup demo demo-arm64 real-models matrix bench-convert bench-fuzz test test-fast check format clean bench-net bench-cloud bench-run bench-arm64 bench-deploy bench-deploy-push bench-deploy-fleet bench-deploy-crash bench-deploy-delta

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): setup.cfg pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	@echo "installing edgekit and its tools into $(VENV) (log: $(VENV)/setup.log)"
	@$(BIN)/python -m pip install --upgrade "pip>=26,<27" > $(VENV)/setup.log 2>&1 \
	  && $(BIN)/python -m pip install --constraint constraints.txt --editable ".[dev,demo]" >> $(VENV)/setup.log 2>&1 \
	  || { tail -n 20 $(VENV)/setup.log; exit 1; }
	@touch $@

setup: $(STAMP) ## make the environment in .venv (command: .venv/bin/edgekit)
	@echo "ready: $(BIN)/edgekit --help"

demo: setup ## the main job, end to end, on a local board over real SSH
	$(BIN)/python scripts/demo.py

demo-arm64: setup ## the same on an emulated arm64 board (root and apt needed; says what it installs)
	bash scripts/make_board_image.sh
	$(BIN)/python scripts/demo.py --board arm64

real-models: setup ## prepare the real models of benches and matrix (packages alone; minutes, once)
	nice -n 10 $(BIN)/python scripts/prepare_real_models.py

matrix: setup ## docs/conversion-matrix.md from real conversions, every recipe (some hours)
	nice -n 10 $(BIN)/python scripts/conversion_matrix.py

bench-convert: setup ## conversions beside those of peers, each in its environment (an hour; docs/benchmarks.md)
	$(BIN)/python scripts/bench_convert.py

bench-fuzz: setup ## 1,200 damaged model files through inspect and convert (a quarter of an hour)
	$(BIN)/python scripts/bench_fuzz.py

.PHONY: bench-compress
bench-compress: setup ## pruning and distillation beside masked weights (half an hour; docs/benchmarks.md)
	flock $${TMPDIR:-/tmp}/edgekit-bench.lock nice -n 10 $(BIN)/python scripts/bench_compress.py

test: setup ## all tests
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-fast: setup ## tests that need no tool environment
	$(BIN)/python -m pytest -m "not slow and not e2e and not arm64" -n 2

bench-run: setup ## runs beside the engines' own tools, and what the runner costs
	flock $${TMPDIR:-/tmp}/edgekit-bench.lock $(BIN)/python scripts/bench_run.py

bench-arm64: setup ## what the demo's artifacts cost on emulated arm64 processors (root and apt needed once)
	bash scripts/make_board_image.sh
	$(BIN)/python scripts/bench_arm64.py

bench-net: setup ## how exact the shaping link is
	$(BIN)/python scripts/bench_net.py

bench-cloud: setup ## the server and the client beside KServe's SDK, MLServer, FastAPI and Locust (15 minutes)
	flock $${TMPDIR:-/tmp}/edgekit-bench.lock $(BIN)/python scripts/bench_cloud.py

check: setup ## format, lint, types, import law, docs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/check_docs.py

.PHONY: docs bench-cli
docs: setup ## the document site into build/docs, warnings are errors
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs build/docs
	@echo "build/docs/index.html"

format: setup ## rewrite the sources in the house format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench-cli: setup ## how quickly help and reports come, beside yolo, olive and litert
	flock $${TMPDIR:-/tmp}/edgekit-bench.lock $(BIN)/python scripts/bench_cli.py

bench-deploy: bench-deploy-push bench-deploy-fleet bench-deploy-delta ## transport, fleet and differences

bench-deploy-push: setup ## a file to a board, beside scp, rsync and asyncssh (openssh-server needed; 3 minutes)
	$(BIN)/python scripts/bench_deploy_push.py

bench-deploy-fleet: setup ## 1,000 boards, and 100 beside Ansible and pyinfra (openssh-server needed; half an hour)
	$(BIN)/python scripts/bench_deploy_fleet.py

bench-deploy-delta: setup ## what a fine-tuned model costs to send (tool environment tensorflow)
	$(BIN)/python scripts/bench_deploy_delta.py

bench-deploy-crash: setup ## every power cut and kill of the installer (strace needed; about 10 minutes)
	$(BIN)/python scripts/bench_deploy_crash.py

.PHONY: bench-deploy-faults
bench-deploy-faults: setup ## 200 cut transfers and 200 races of two deployers (openssh-server needed; about 15 minutes)
	$(BIN)/python scripts/bench_deploy_faults.py

.PHONY: bench-explain
bench-explain: setup ## does explain name injected causes? beside EdgeLens (half an hour; docs/benchmarks.md)
	flock $${TMPDIR:-/tmp}/edgekit-bench.lock $(BIN)/python scripts/bench_explain.py

clean: ## remove what the targets made
	rm -rf $(VENV) demo-out build dist .mypy_cache .ruff_cache .pytest_cache
