# `make` lists what there is. Everything works without make too: see scripts/.

PREFIX ?= /usr/local
bindir = $(DESTDIR)$(PREFIX)/bin
bashdir = $(DESTDIR)$(PREFIX)/share/bash-completion/completions
zshdir = $(DESTDIR)$(PREFIX)/share/zsh/site-functions
fishdir = $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
mandir = $(DESTDIR)$(PREFIX)/share/man/man1
# What `make completions` and `make man` write, and `make install` puts in place.
package = .build/package

.PHONY: help run test python parallel check-models figures-check watch-check watch-speed ray-check bf16-check soak build lint format docs completions man install check-install uninstall \
	dist dist-check dist-twice check-kernels aarch64-check clean

help: ## List the targets
	@echo 'nf-probe: gradients of transformers, layer by layer'
	@echo
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

run: ## Install what is missing, build, measure gradients on the built-in corpus (ARGS="--seeds 3")
	@scripts/run.sh $(ARGS)

test: ## Install what is missing and run every check
	@scripts/test.sh

python: build ## Check the Python package alone (notebooks-export)
	@scripts/python-package.sh

parallel: build ## Check the recorder in every way to spread a model over workers, compiled, and every notebook (a few minutes)
	@NF_PROBE_ALL_PARALLEL=1 scripts/python-package.sh tests/test_parallel.py tests/test_distributed.py tests/test_training.py tests/test_notebooks.py

figures-check: ## Render every figure with other fonts and in a browser: nothing is cut, nothing overlaps
	@scripts/figures-check.sh $(ARGS)

check-models: build ## Check names and roles on models of all libraries, in an environment of their own
	@scripts/check-models.sh

watch-check: build ## Try the page of `nf-probe watch` in Chromium, and its server under load (a few minutes)
	@scripts/watch-check.sh $(ARGS)

watch-speed: build ## Time the page of `nf-probe watch` and its server: a long run, 200 runs, a growing one (quiet machine)
	@scripts/watch-speed.sh $(ARGS)

bf16-check: build ## Train in float32 and bf16 from the same seeds: losses agree within the noise of seeds (some minutes)
	@scripts/bf16-check.sh $(ARGS)

ray-check: build ## Run a sweep on a local Ray cluster with a worker killed on the way (a few minutes)
	@scripts/ray-check.sh $(ARGS)

soak: ## For an hour or more: crashes, kills, damaged files, readers beside writers
	@scripts/soak.sh

build: ## Install what is missing and build in release mode
	@scripts/install-dependencies.sh
	@swift build -c release --product nf-probe

lint: ## Check the format of the Swift sources
	@scripts/lint.sh

format: ## Mend the format of the Swift sources
	@scripts/lint.sh --fix

docs: ## Build the guides as a site in .build/guides
	@scripts/docs.sh .build/guides

completions: build ## Write completions for bash, zsh and fish to .build/package
	@scripts/package.sh completions $(package)

man: build ## Write the manual page to .build/package
	@scripts/package.sh man $(package)

install: ## Install program, completions and manual page (PREFIX=/usr/local, DESTDIR=); needs no Swift afterwards
	@scripts/install-dependencies.sh
	@scripts/package.sh program $(package)
	@PROGRAM=$(package)/nf-probe scripts/package.sh completions $(package)
	@PROGRAM=$(package)/nf-probe scripts/package.sh man $(package)
	install -d "$(bindir)" "$(bashdir)" "$(zshdir)" "$(fishdir)" "$(mandir)"
	install -m 755 $(package)/nf-probe "$(bindir)/nf-probe"
	install -m 644 $(package)/nf-probe.bash "$(bashdir)/nf-probe"
	install -m 644 $(package)/nf-probe.zsh "$(zshdir)/_nf-probe"
	install -m 644 $(package)/nf-probe.fish "$(fishdir)/nf-probe.fish"
	install -m 644 $(package)/nf-probe.1 "$(mandir)/nf-probe.1"

check-install: ## Install into a folder of its own and check that the program there runs without the Swift toolchain
	@scripts/check-install.sh

uninstall: ## Remove what `make install` put in place (same PREFIX and DESTDIR)
	rm -f "$(bindir)/nf-probe" "$(bashdir)/nf-probe" "$(zshdir)/_nf-probe"
	rm -f "$(fishdir)/nf-probe.fish" "$(mandir)/nf-probe.1"

dist: ## Write to dist/ what people install who have no Swift: wheel, source distribution, .tar.gz, .deb
	@scripts/dist.sh

dist-check: ## Install what lies in dist/ in bare systems and use it there (as root; needs debootstrap and qemu-user)
	@scripts/dist-check.sh

dist-twice: ## Build a commit from nothing in two folders and compare the bytes (long)
	@scripts/dist-twice.sh

aarch64-check: ## Compile the C parts for 64-bit ARM and run them there, or emulated
	@scripts/aarch64-check.sh

check-kernels: ## Run the tests of the numbers with each set of kernels that make dist ships
	@scripts/check-kernels.sh

clean: ## Remove what was built, and the tests' Python environment
	rm -rf .build .venv dist
