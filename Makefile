# make play          hear a small swarm, on music that ships with it
# make play MUSIC=DIR   on your own
# make test          everything that must hold
# make bench         all figures, each with its goal: a table and plots in bench-results
# make bench-netns   those of real processes in network namespaces (root)
# make scenarios     those in virtual time; ROW=... for one
# make build         bin/earshot
#
# Each target installs what is missing (Debian packages), and says so.

BIN   := bin/earshot
MUSIC ?=

# libasound's headers, to build the sound output; libmpg123 is loaded when it runs, and
# its -dev package brings it by the same name on every release.
BUILD_PACKAGES := gcc libc6-dev pkg-config libasound2-dev libmpg123-dev libopus0

.PHONY: play test bench bench-netns scenarios build tools fuzz clean

play: build
	@$(BIN) demo $(if $(MUSIC),--music "$(MUSIC)")

build: tools
	@go build -trimpath -tags urfave_cli_no_docs -o $(BIN) ./cmd/earshot

tools:
	@command -v go >/dev/null || { echo "earshot: Go 1.26 or later is needed: https://go.dev/dl" >&2; exit 1; }
	@.ci/packages $(BUILD_PACKAGES)

# The race detector watches all but the command line's tests: they run real processes on
# loopback, where an answer can come before quic-go v0.65.0 has opened the stream of a
# 0-RTT request, and its own connection then races (newFlowController against
# handleTransportParameters). Under it decoding does fewer rounds; all of them follow.
test: tools
	go test -race $$(go list ./... | grep -v /cmd/)
	go test ./audio ./cmd/...
	CGO_ENABLED=0 go build -o /dev/null ./cmd/earshot

# Decoding, real nodes in virtual time, then real processes on loopback;
# writes a table and plots, and fails where a goal is missed by more than a tenth.
RESULTS := $(CURDIR)/bench-results
bench: build
	@rm -rf $(RESULTS) && mkdir $(RESULTS)
	@status=0; \
	EARSHOT_BENCH=$(RESULTS)/figures.jsonl go test -tags figures -v -count=1 -timeout 30m -p 1 -run '^(TestScenarios|TestFigures)$$' ./audio ./node ./cmd/earshot || status=1; \
	go run ./node/bench/report $(RESULTS) || status=1; exit $$status

# Real processes at the places of an emulated internet: network namespaces, made
# and removed by the test, so it needs root, iproute2 and lame; skipped without.
bench-netns: build
	@rm -rf $(RESULTS)/netns && mkdir -p $(RESULTS)/netns
	@status=0; \
	EARSHOT_BENCH=$(RESULTS)/netns/figures.jsonl go test -tags figures -v -count=1 -timeout 30m -run '^TestInternet$$' ./cmd/earshot || status=1; \
	if [ -e $(RESULTS)/netns/figures.jsonl ]; then go run ./node/bench/report $(RESULTS)/netns || status=1; fi; exit $$status

# The table of goals in virtual time; one row by the beginning of its name with
# ROW=..., as in ROW=50_at_once: about 2 minutes in all.
ROW ?=
scenarios:
	@go test -tags figures -v -count=1 -timeout 20m -run '^TestScenarios$$/^$(ROW)' ./node

# Each fuzz target for a minute: go test takes one at a time.
fuzz: tools
	@for p in $$(go list ./...); do \
		for f in $$(go test -list '^Fuzz' $$p | grep '^Fuzz'); do \
			echo "$$p $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime 60s -fuzzminimizetime 1x $$p || exit 1; \
		done; \
	done

clean:
	rm -rf bin $(RESULTS)
