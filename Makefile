# What a developer does with latchkey. `make` alone explains the targets.

GOARCH ?= arm64
STEPS := $(notdir $(patsubst %/lambda/main.go,%,$(wildcard functions/*/lambda/main.go examples/*/functions/*/lambda/main.go)))
# Without Lambda's former way to be started, net/http's HTTP/2, which nothing here speaks, and symbols.
LAMBDA := CGO_ENABLED=0 go build -trimpath -buildvcs=false -tags lambda.norpc,nethttpomithttp2 -ldflags=-s

.PHONY: help
help: ## Show this
	@awk -F ':.*## ' '/^[a-zA-Z_%-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: ## Run everything on this machine: the app at :3000, the phone at :3001
	@mkdir -p .local/bin
	@go build -o .local/bin/run ./local
	@exec .local/bin/run

.PHONY: sam-local
sam-local: ## Run the same with SAM's CLI and Docker, which must be there (docs/sam-local.md)
	@mkdir -p .local/bin
	@go build -o .local/bin/run ./local
	@exec .local/bin/run sam

.PHONY: test
test: ## Run all tests, each flow with each vendor once (browser tests need chromium)
	go vet ./...
	go test -short -shuffle=on -timeout 5m $$(go list ./... | grep -v '/e2e$$')
	go test -short -shuffle=on -timeout 5m ./flowtest/e2e

.PHONY: thorough
thorough: ## Run all flows with both vendors, by form and as JSON, and by SAM's way of starting functions; a million numbers
	NUMBERS=all go test -shuffle=on -timeout 10m ./shared/numbers
	go test -shuffle=on -timeout 10m ./local
	go test -shuffle=on -timeout 10m ./flowtest
	go test -shuffle=on -timeout 10m ./flowtest/e2e

.PHONY: race
race: ## Run the tests under the race detector, but those of processes (it would see the tester alone)
	go test -race -short -shuffle=on -p 1 -timeout 10m $$(go list ./... | grep -v -e '/flowtest$$' -e '/e2e$$' -e '/starts$$')
	go test -race -short -shuffle=on -parallel 4 -timeout 30m ./flowtest

HISTORIES ?= 20000

.PHONY: histories
histories: ## Hold HISTORIES=20000 random histories against the model, other ones each time
	HISTORIES=$(HISTORIES) go test -count=1 -run '^TestHistories$$' -v -timeout 0 ./flowtest/model

SOAK ?= 5m

.PHONY: soak
soak: ## Use everything for SOAK=5m in bad weather, and print what came of it (PROVIDER=authy; SEED=... repeats)
	SOAK=$(SOAK) go test -count=1 -run '^TestSoak$$' -v -timeout 0 ./flowtest/e2e

.PHONY: mutants
mutants: ## Break each security check in turn and see a test fail (ONLY="store/ csp" for some)
	go run ./flowtest/mutants $(ONLY)

FUZZTIME ?= 10s

.PHONY: fuzz
fuzz: ## Feed every parser of outside bytes with odd ones, for FUZZTIME (10s) each
	@grep -rEo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' cmd examples flowtest functions local shared | \
		sed -E 's#/[^/]*:func # #' | sort -u | while read -r dir name; do \
			echo "$$dir $$name"; \
			go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) "./$$dir" </dev/null || exit 1; \
		done

# The generator, of the version that the pages are linked with.
TEMPL = go run github.com/a-h/templ/cmd/templ@$(shell go list -m -f '{{.Version}}' github.com/a-h/templ)
format = for dir in functions shared examples; do $(TEMPL) fmt -log-level error "$(1)/$$dir"; done

.PHONY: pages
pages: ## Format the pages and make Go of them: after a change of *.templ
	@$(call format,.)
	@$(TEMPL) generate -log-level error

# The pages are what the generator makes of them, once more, in another folder.
.PHONY: pages-lint
pages-lint:
	@set -e; work=$$(mktemp -d); trap 'rm -rf "$$work"' EXIT; mkdir "$$work/is" "$$work/ought"; \
	find functions shared examples -name '*.templ' -o -name '*_templ.go' | tar -cf - -T - | tar -xf - -C "$$work/is"; \
	find functions shared examples -name '*.templ' | tar -cf - -T - | tar -xf - -C "$$work/ought"; \
	$(call format,$$work/ought); $(TEMPL) generate -log-level error -path "$$work/ought"; \
	diff -r "$$work/is" "$$work/ought" || { echo "the pages are not what templ makes of them: run make pages" >&2; exit 1; }

.PHONY: lint
lint: pages-lint ## Check formatting, code, pages and, where cfn-lint is installed, the templates
	@test -z "$$(gofmt -l functions shared local cmd examples flowtest)" || { gofmt -l functions shared local cmd examples flowtest; exit 1; }
	go vet ./...
	go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...
	@if command -v cfn-lint >/dev/null; then cfn-lint; else echo "cfn-lint is not installed: the templates were not checked (pip install cfn-lint)"; fi

.PHONY: build
build: $(STEPS:%=build/%/bootstrap) ## Build every function for AWS into build/<step>/bootstrap

# Where the command of a step is: in the project, or in one of its examples.
command = $(or $(wildcard functions/$(1)/lambda examples/*/functions/$(1)/lambda),$(error there is no folder functions/$(1)))
kebab = $(shell echo $(1) | sed -E 's/([a-z0-9])([A-Z])/\1-\2/g' | tr A-Z a-z)

.PHONY: FORCE
build/%/bootstrap: FORCE
	GOOS=linux GOARCH=$(GOARCH) $(LAMBDA) -o $@ ./$(call command,$*)

# What `sam build` calls: the logical id without "Function", in kebab case, is the folder.
build-%Function:
	GOOS=linux GOARCH=$(GOARCH) $(LAMBDA) -o "$(ARTIFACTS_DIR)/bootstrap" ./$(call command,$(call kebab,$*))

STAGE ?= dev

.PHONY: deploy
deploy: ## Build and deploy with SAM as samconfig.toml says (STAGE=dev or prod; docs/deploy.md)
	@case "$(STAGE)" in dev|prod) ;; *) echo "STAGE is dev or prod, and not $(STAGE)" >&2; exit 1;; esac
	@command -v sam >/dev/null || { echo "sam, the AWS SAM CLI, is not installed: see https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/install-sam-cli.html" >&2; exit 1; }
	SAM_CLI_TELEMETRY=0 sam build --parallel --config-env $(SECTION)
	SAM_CLI_TELEMETRY=0 sam deploy --config-env $(SECTION)

# The section of samconfig.toml.
SECTION = $(if $(filter prod,$(STAGE)),prod,default)

.PHONY: reproducible
reproducible: ## Build every function twice, in two folders, for both architectures, and compare the bytes
	@set -e; work=$$(mktemp -d); trap 'rm -rf "$$work"' EXIT; \
	mkdir -p "$$work/one" "$$work/the other/deeper"; \
	git ls-files -co --exclude-standard -z | while IFS= read -r -d '' f; do test ! -f "$$f" || printf '%s\0' "$$f"; done | tar --null -T - -cf "$$work/tar"; \
	tar -C "$$work/one" -xf "$$work/tar"; tar -C "$$work/the other/deeper" -xf "$$work/tar"; \
	for arch in arm64 amd64; do \
		$(MAKE) -s -C "$$work/one" build GOARCH=$$arch; \
		GOCACHE="$$work/cache" $(MAKE) -s -C "$$work/the other/deeper" build GOARCH=$$arch; \
		for step in $(STEPS); do \
			cmp "$$work/one/build/$$step/bootstrap" "$$work/the other/deeper/build/$$step/bootstrap" || exit 1; \
		done; \
		echo "$$arch: $(words $(STEPS)) functions, the same bytes from two folders"; \
	done
reproducible: SHELL := /bin/bash

ROUNDS ?= 7
# What 128 MB have of a processor on Lambda, where 1,769 MB have all of one.
QUOTA ?= 0.0724

.PHONY: bench
bench: ## Measure each function beside a hello-world Lambda, and the goals (BASE=rev compares, ONLY="login status" for some, UPDATE=1 into docs/performance.md)
	ROUNDS=$(ROUNDS) QUOTA=$(QUOTA) BASE=$(BASE) ONLY="$(ONLY)" go test -count=1 -run '^TestBench$$' -timeout 0 -v ./flowtest/starts $(if $(UPDATE),-update)

.PHONY: clean
clean: ## Forget everything that was built or stored here
	rm -rf .local build local/dynamodb/node_modules
