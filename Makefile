# Every target sets up what it needs in .venv. `make run` and `make test` are the two to know.

PYTHON ?= python3
BIN := .venv/bin
VAE := $(BIN)/python -m vae
# the gallery is made from the machine's data root, as the command line's default: ELBO_ROOM_DATA, else ./data
GALLERY := assets/gallery

.PHONY: run lecture test lint bench gallery screenshots clean

run: .venv/run
	$(BIN)/streamlit run app.py

lecture: .venv/run
	$(BIN)/python lecture.py

test: .venv/dev
	$(BIN)/python -m pytest --timeout 600

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: .venv/dev
	$(BIN)/python -m bench

screenshots: .venv/dev
	$(BIN)/python -m bench.screenshots

# A model is trained beside the gallery and moved there once it is finished; an interrupted one goes on where it was.
define model
	$(VAE) train --out .gallery/$(1) --resume $(2)
	rm -rf $(GALLERY)/$(1) .gallery/$(1)/.lock
	mkdir -p $(GALLERY) && mv .gallery/$(1) $(GALLERY)/$(1)
endef

digits-2d := --data digits --hidden 256,128 --latent-dim 2 --epochs 100 --batch-size 32 --lr 2e-3
mnist-2d := --data mnist --hidden 512,256,128 --latent-dim 2 --epochs 80 --batch-size 128 --lr 1e-3
mnist-10d := --data mnist --hidden 400 --latent-dim 10 --epochs 40 --batch-size 128 --lr 2e-3
mnist-conv-2d := --data mnist --arch conv --hidden 16,32 --latent-dim 2 --epochs 30 --batch-size 128 --lr 1e-3

gallery: .venv/run
	$(call model,digits-2d,$(digits-2d))
	$(call model,mnist-2d,$(mnist-2d))
	$(call model,mnist-10d,$(mnist-10d))
	$(call model,mnist-conv-2d,$(mnist-conv-2d))

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("ELBO Room needs Python 3.11 or newer.") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv .venv

.venv/run: requirements.txt | .venv/bin/python
	$(BIN)/python -m pip install -q -r requirements.txt
	touch $@

.venv/dev: requirements.txt requirements-dev.txt | .venv/bin/python
	$(BIN)/python -m pip install -q -r requirements-dev.txt
	touch $@ .venv/run
