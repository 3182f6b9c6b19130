# Everything that one does with the product. `make` or `make help` lists it.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

MODULE := github.com/bitfount/bitfount-tray
OUT := build/out

# The same flags everywhere: Fyne's C code takes minutes to compile, and other
# flags would compile it again. A -mod flag that is set already is kept.
export GOFLAGS := -trimpath -buildvcs=false -tags=no_emoji,migrated_fynedo $(filter -mod=%,$(shell go env GOFLAGS 2>/dev/null))

# Modules of their own, so that what they need never gets into the product.
NESTED := $(patsubst %/go.mod,%,$(wildcard build/*/go.mod))

# How long each fuzz target runs.
FUZZTIME ?= 5s

# How many packages and fuzz targets are tested at a time: tests on a desktop wait
# more than they work, so one more than there are processors.
ABREAST := $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)

## demo: sign in at a demo provider and use a session; without a screen it walks through by itself
.PHONY: demo
demo: setup
	@go run ./build/demo

## build: the product, as build/out/bitfount-tray and build/out/bitfount-auth
.PHONY: build
build: setup-build
	@mkdir -p $(OUT)
	@go build -o $(OUT)/ .
	@CGO_ENABLED=0 go build -o $(OUT)/ ./cmd/bitfount-auth
	@echo "Built $(OUT)/bitfount-tray and $(OUT)/bitfount-auth"

## test: everything: formatting, vet, architecture, unit and end-to-end tests with the race detector, fuzzing
.PHONY: test
test: setup check
	@mkdir -p $(OUT)
	@# What needs no desktop runs beside the tests that do, which mostly wait.
	@$(MAKE) --no-print-directory drawn nested fuzz >$(OUT)/beside.log 2>&1 & beside=$$!; passed=true; \
	  $(MAKE) --no-print-directory race || passed=false; \
	  wait $$beside || passed=false; cat $(OUT)/beside.log; $$passed
	@echo "make test: everything passed"

## unit: the tests of all modules with the race detector, end to end too
.PHONY: unit race drawn nested
unit: race drawn nested
race:
	@mkdir -p $(OUT)
	@go test -race -p $(ABREAST) -vet=off -count=1 -v ./... | tee $(OUT)/test.log | awk -f build/test/summary.awk
drawn:
	@# The race detector makes drawing so slow that all pictures are compared without it.
	@CGO_ENABLED=0 go test -vet=off -count=1 ./ui
	@CGO_ENABLED=0 go test -vet=off -count=1 -run LooksAsDrawn ./tray
nested:
	@mkdir -p $(OUT)
	@for module in $(NESTED); do echo "module $$module"; \
	  (cd $$module && go test -race -vet=off -count=1 -v ./...) | tee $(OUT)/test-$$(basename $$module).log | awk -f build/test/summary.awk; done

## e2e: the end-to-end tests alone; screenshots in build/out/e2e
.PHONY: e2e
e2e: setup
	@go test -race -vet=off -count=1 -v ./build/e2e/...

## pictures: the main pages on a real desktop, light and dark at 1× and 2×, and the README's pictures, by the demo
.PHONY: pictures
pictures: setup
	@go test -race -vet=off -count=1 -v -run TestTheMainPagesOnARealScreen ./build/e2e -args -all
	@go run ./build/demo -readme docs/images

## interop: the real Bitfount SDK with our token file and tokens (475 MB from PyPI, once); skipped where it cannot be had
.PHONY: interop
interop:
	@python=$$(sh build/sdkinterop/install.sh $(OUT)/sdkinterop) || { code=$$?; [ $$code = 75 ] && exit 0; exit $$code; }; \
	  SDK_PYTHON=$$PWD/$$python go test -race -vet=off -count=1 -timeout 10m -v ./build/sdkinterop/ | awk -f build/test/summary.awk

## gallery: every state of window and tray at a glance, in build/out/gallery/index.html
.PHONY: gallery
gallery:
	@rm -rf $(OUT)/gallery
	@go run ./build/gallery . $(OUT)/gallery

## check: formatting, vet on three systems, who may import whom, and the workflows
.PHONY: check
check: lint-workflows
	@unformatted=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go' ':!:third_party')); \
	  [ -z "$$unformatted" ] || { echo "These files are not formatted; run gofmt -w on them:"; echo "$$unformatted"; exit 1; }
	@go vet -race ./...
	@for module in $(NESTED); do (cd $$module && go vet -race ./...); done
	@for system in linux windows; do CGO_ENABLED=0 GOOS=$$system go vet ./authcore/... ./cmd/...; done
	@CGO_ENABLED=0 GOOS=windows go vet ./tray/... ./icons ./ui
	@CGO_ENABLED=0 GOOS=darwin GOARCH=arm64 go vet ./authcore/... ./cmd/... ./icons ./tray/autostart ./tray/clipboard ./tray/policy
	@CGO_ENABLED=0 GOOS=darwin GOARCH=arm64 go build -o $(OUT)/darwin/ ./cmd/bitfount-auth
	@# What draws and the tray need Apple's SDK to be compiled: their Go code is checked without it.
	@CGO_ENABLED=0 go test -count=1 -run FitsTogether ./build/package/macos
	@deps=$$(go list -deps ./authcore/...); \
	  if grep -E '^(fyne\.io/|$(MODULE)/(tray|ui))' <<<"$$deps"; then echo "authcore must not import the packages above: it knows no screen."; exit 1; fi
	@deps=$$(go list -deps ./tray/...); \
	  if grep -E '^(fyne\.io/fyne/|$(MODULE)/ui(/window)?$$)' <<<"$$deps"; then echo "tray must not import the packages above: the resident never starts Fyne."; exit 1; fi
	@deps=$$(go list -deps . ./cmd/...); \
	  if grep -E 'zitadel|^$(MODULE)/build/' <<<"$$deps"; then echo "The product must not contain the packages above."; exit 1; fi
	@echo "check: formatted, vetted, and the imports are as they should be"

## cover: which statements of authcore the tests run, the least covered functions first (2 minutes)
.PHONY: cover
cover:
	@mkdir -p $(OUT)
	@go test -vet=off -count=1 -coverpkg=./authcore/... -coverprofile=$(OUT)/cover.out ./authcore/... ./build/proof > $(OUT)/cover.log \
	  || { cat $(OUT)/cover.log; exit 1; }
	@go tool cover -func $(OUT)/cover.out | awk '$$1 == "total:" { total = $$NF; next } $$NF != "100.0%" { print $$NF, $$1, $$2 | "sort -n"; n++ } \
	  END { close("sort -n"); print n " functions above have statements that no test runs; of all statements, " total " are run" }'

## proof: that no session is lost, at length: 20 processes for a minute, 1,000 kills (10 minutes)
.PHONY: proof
proof: setup
	@PROOF=full go test -vet=off -count=1 -timeout 60m -v -run 'TwentyProcesses|RandomKills|WriteStep|LostAnswer' ./build/proof | grep -vE '^=== |dbus-daemon'

## fuzz: each fuzz target for FUZZTIME (5s)
.PHONY: fuzz
fuzz:
	@git ls-files -co --exclude-standard '*_test.go' | while read -r file; do \
	    sed -n "s|^func \(Fuzz[A-Za-z0-9_]*\)(.*|$$(dirname "$$file") \1|p" "$$file"; \
	  done | xargs -L 1 -P $(ABREAST) build/test/fuzz.sh $(FUZZTIME)

## lint-workflows: the workflows in .github, by actionlint
.PHONY: lint-workflows
lint-workflows:
	@GOFLAGS= go run github.com/rhysd/actionlint/cmd/actionlint@v1.7.12

## package: the Linux packages (.deb, .rpm, .tar.gz) in build/out/package, checked by lintian and built twice
.PHONY: package package-arm64
package:
	@sh build/setup/install.sh package
	@build/package/linux/package.sh
	@CGO_ENABLED=0 go test -count=1 -run SameBytes ./build/package/linux -args -tray

## package-arm64: the same for arm64, cross-built
package-arm64:
	@sh build/setup/install.sh package-arm64
	@build/package/linux/package.sh arm64

## package-test: install, use, upgrade and remove the .deb in a fresh Debian (root only, a few minutes)
.PHONY: package-test
package-test: setup
	@sh build/setup/install.sh package-test
	@build/package/linux/try.sh

## package-windows: the Windows programs and their installer in build/out/windows (cross-built, minutes the first time)
.PHONY: package-windows package-windows-test
package-windows:
	@sh build/setup/install.sh package-windows
	@build/package/windows/build

## package-windows-test: build them, sign them with a throw-away certificate, and use them under Wine (minutes)
package-windows-test: setup
	@sh build/setup/install.sh package-windows-test
	@build/package/windows/wine-test

## reproduce: build both programs a second time from nothing and compare the bytes (minutes)
.PHONY: reproduce
reproduce: setup-build
	@CGO_ENABLED=0 go test -count=1 -v -timeout 60m -run SameBytes ./build/package/linux -args -tray -clean

## sbom: the bills of materials (CycloneDX) of both programs, in build/out/package
.PHONY: sbom
sbom:
	@build/package/sbom.sh
	@CGO_ENABLED=0 go test -count=1 -run Bills ./build/package -args -bills "$$PWD/$(OUT)/package"

## rest: measure memory and CPU of the product at rest (a few minutes)
.PHONY: rest
rest: setup
	@go run ./build/bench/rest

## bench: measure what the program costs: start, memory, CPU, window, sizes, sign-in, renewals (six minutes)
.PHONY: bench
bench:
	@build/bench/run

## setup: install the Debian packages that are missing, if any
.PHONY: setup setup-build
setup:
	@sh build/setup/install.sh desktop
setup-build:
	@sh build/setup/install.sh build

## clean: remove what was built
.PHONY: clean
clean:
	@rm -rf $(OUT)

## help: this list
.PHONY: help
help:
	@sed -n 's/^## \([a-z0-9-]*\): \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-21s %s\n", $$1, $$2 }'
