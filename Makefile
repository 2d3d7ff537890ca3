# The verbs a newcomer types. PYTHON chooses the interpreter: make demo PYTHON=python3.12

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: help demo test lint types bench doctor train hil fuzz clean

help:
	@echo "make demo    make the environment and run the main job on a simulated drive"
	@echo "make test    all tests, lint and types"
	@echo "make fuzz    thousands of new drawn inputs at every reader and parser (FUZZ_EXAMPLES=2000 each)"
	@echo "make bench   measure on this machine, each figure beside its goal (DATA=DIR: CAN logs, MODELS=DIR: public networks)"
	@echo "make doctor  what this machine has and lacks"
	@echo "make hil     tests on real SocketCAN in a virtual machine (Debian: user-mode-linux, can-utils)"
	@echo "make train   train our own models again (needs PyTorch: the extra 'train')"
	@echo "make clean   remove the environment"

$(VENV)/demo-ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/test-ready: $(VENV)/demo-ready
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@

demo: $(VENV)/demo-ready
	$(BIN)/icv demo

test: lint types
	$(BIN)/python -m pytest

fuzz: $(VENV)/test-ready
	HYPOTHESIS_PROFILE=fuzz $(BIN)/python -m pytest -m fuzz tests

lint: $(VENV)/test-ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/test-ready
	$(BIN)/mypy

bench: $(VENV)/test-ready
	$(BIN)/icv bench loop
	$(BIN)/icv bench can $(if $(DATA),--data $(DATA))
	$(BIN)/icv bench vision $(if $(MODELS),--models $(MODELS))
	$(BIN)/icv bench v2x

doctor: $(VENV)/demo-ready
	$(BIN)/icv doctor

hil: $(VENV)/test-ready
	hil_tests/with-vcan $(BIN)/python -m pytest -p no:cacheprovider --color=no hil_tests tests/contracts/test_can_bus.py

train: $(VENV)/demo-ready
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[train]'
	$(BIN)/python models/training/train_road.py --out models/icv-road.onnx
	$(BIN)/python models/training/train_driver.py --out models/icv-driver.onnx
	$(BIN)/python models/training/train_eye.py --out models/icv-eye.onnx
	$(BIN)/python models/training/train_light.py --out models/icv-light.onnx
	$(BIN)/python models/training/train_sign.py --out models/icv-sign.onnx

clean:
	rm -rf $(VENV)
