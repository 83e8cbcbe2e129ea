# Every target sets up what it needs in .venv. `make run`, `make check` and `make test` are the ones to know.

PYTHON ?= python3
BIN := .venv/bin
NODE_BIN := node_modules/.bin
VAE := $(BIN)/python -m vae
# the gallery is made from the machine's data root, as the command line's default: ELBO_ROOM_DATA, else ./data
GALLERY := assets/gallery

.PHONY: run dev lecture check test lint bench gallery screenshots clean

run: .venv/run
	$(BIN)/streamlit run app.py

# For work on the app: a saved Python file runs the open page again, a saved module or style sheet is there at a reload.
DEVELOPMENT := --server.fileWatcherType auto --server.runOnSave true --client.showErrorDetails full
dev: .venv/run
	ELBO_ROOM_DEVELOPMENT=1 $(BIN)/streamlit run app.py $(DEVELOPMENT)

lecture: .venv/run
	$(BIN)/python lecture.py

# Two halves beside each other, for the page's tests mostly wait for a browser; threads that wait leave the core to others.
HALF := $(wildcard tests/browser/test_taken_home.py tests/browser/test_views_*.py)
test: export OMP_WAIT_POLICY = passive
test: .venv/dev node_modules/.installed
	@if command -v node >/dev/null; then node --test tests/explorer/; else echo "There is no Node.js here."; fi
	@$(BIN)/python -m pytest --timeout 600 tests/test_*.py tests/vae tests/server tests/explorer $(HALF) >.tests.log 2>&1 & library=$$!; \
	trap "kill $$library 2>/dev/null" EXIT; \
	$(BIN)/python -m pytest --timeout 600 tests/browser $(HALF:%=--ignore %); page=$$?; \
	wait $$library; library=$$?; cat .tests.log; \
	exit $$((page || library))

# All that is quick: no browser, nothing that takes long.
check: export OMP_WAIT_POLICY = passive
check: lint
	@if command -v node >/dev/null; then node --test tests/explorer/; else echo "There is no Node.js here."; fi
	$(BIN)/python -m pytest -q -m "not slow and not browser" tests/test_*.py tests/vae tests/server tests/explorer

lint: .venv/dev node_modules/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(NODE_BIN)/biome check .
	$(NODE_BIN)/tsc
	$(NODE_BIN)/tsc -p tests

bench: .venv/dev
	$(BIN)/python -m bench

screenshots: .venv/dev
	$(BIN)/python -m bench.screenshots

# A model is trained beside the gallery and moved there once it is finished; an interrupted one goes on where it was.
define model
	$(VAE) train --out .gallery/$(1) --resume $(2)
	rm -rf $(GALLERY)/$(1) .gallery/$(1)/.lock
	mkdir -p $(GALLERY) && mv .gallery/$(1) $(GALLERY)/$(1)
	$(VAE) evaluate $(GALLERY)/$(1) --samples 100 --json >.gallery/$(1).json && mv .gallery/$(1).json $(GALLERY)/$(1)/test.json
	$(VAE) evidence $(GALLERY)/$(1) $(3)
endef

digits-2d := --data digits --hidden 256,128 --latent-dim 2 --epochs 100 --batch-size 32 --lr 2e-3
mnist-2d := --data mnist --hidden 512,256,128 --latent-dim 2 --epochs 80 --batch-size 128 --lr 1e-3
mnist-10d := --data mnist --hidden 400 --latent-dim 10 --epochs 40 --batch-size 128 --lr 2e-3
mnist-conv-2d := --data mnist --arch conv --hidden 16,32 --latent-dim 2 --epochs 30 --batch-size 128 --lr 1e-3

# Beta paths: --epochs are those of one stop; stops lie closest where collapse sets in.
path-digits-2d := --data digits --hidden 128,64 --latent-dim 2 --epochs 15 --batch-size 64 --lr 2e-3 \
  --betas 0,0.01,0.02,0.04,0.07,0.1,0.15,0.2,0.3,0.4,0.5,0.6,0.7,0.85,1,1.2,1.4,1.7,2,2.3,2.6,2.9,3.2,3.5,4,5,7,10
path-mnist-2d := --data mnist --hidden 256,64 --latent-dim 2 --epochs 3 --batch-size 256 --lr 1.5e-3 \
  --betas 0,0.01,0.03,0.1,0.2,0.35,0.5,0.7,1,1.4,2,2.8,4,5.5,7,9,11,13,15,17,19,21,23,25,27,30,35,45,60
path-mnist-10d := --data mnist --hidden 128 --latent-dim 10 --epochs 3 --batch-size 256 --lr 1.5e-3 --points 1800 \
  --betas 0,0.01,0.03,0.1,0.25,0.5,0.75,1,1.4,2,2.8,4,5,6,7,8,9,10,11.5,13,15,17,19,21,23,25,28,32,40,60
# a linear VAE, in full batches: close enough to its optimum at every stop to be held against the closed form
path-digits-linear := --data digits --hidden 0 --latent-dim 8 --likelihood gaussian --sigma 0.3 --epochs 800 \
  --batch-size 1078 --lr 1e-3 --points 300 \
  --betas 0,0.3,0.5,0.75,1,1.3,1.6,1.75,1.95,2.2,2.4,2.55,2.7,2.9,3.05,3.25,3.7,4.2,4.45,4.7,5.2,5.8,6.2,6.6,6.9,7.2,7.5,8,9.5,12
path-sprites-10d := --data sprites --arch conv --hidden 16,16,8 --latent-dim 10 --epochs 3 --batch-size 64 --lr 2e-3 \
  --points 500 --betas 0,0.2,0.6,1,2,3,4.5,6.5,9,12,16,20,25,30,36,43,52,65,90
PATHS := digits-2d digits-linear mnist-2d mnist-10d sprites-10d

gallery: .venv/run
	$(call model,digits-2d,$(digits-2d),--images 360 --fits 60)
	$(call model,mnist-2d,$(mnist-2d),--images 500 --fits 60)
	$(call model,mnist-10d,$(mnist-10d),--images 120)
	$(call model,mnist-conv-2d,$(mnist-conv-2d),--images 200 --fits 20)
	$(MAKE) $(PATHS:%=assets/paths/%.safetensors)

assets/paths/%.safetensors: | .venv/run
	$(VAE) sweep --path --out $@ $(path-$*)

clean:
	rm -rf .venv node_modules .pytest_cache .mypy_cache .ruff_cache

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("ELBO Room needs Python 3.11 or newer.") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv .venv

.venv/run: requirements.txt | .venv/bin/python
	$(BIN)/python -m pip install -q -r requirements.txt
	touch $@

.venv/dev: requirements.txt requirements-dev.txt | .venv/bin/python
	$(BIN)/python -m pip install -q -r requirements-dev.txt
	touch $@ .venv/run

# Tools of development for the explorer's modules. Without Node.js their tests skip, and say so.
node_modules/.installed: package.json package-lock.json
	@if command -v npm >/dev/null; then npm ci --silent && touch $@; else echo "There is no Node.js here."; fi
