# The front door. The build itself is CMake (see CMakePresets.json).
#
#   make demo     builds, runs the quick start on real events, prints a report
#   make test     everything that must hold: release and sanitizer tests, layout, examples
#   make bench    JOB=b2b-journeys EVENTS=3000000 [DIST=uniform|zipf] [THREADS=1]
#   make bench-kafka [KAFKA=host:port], bench-latency [STANDBY=1]  on a broker of Kafka; how long a subscriber waits for a row
#   make flatness  cost of an event by what its lead has behind it
#   make profile  where the time of the benchmark goes (needs perf)
#   make chaos    a pipeline on three brokers of Kafka: all are killed, frozen, cut off, SEEDS times SECONDS
#   make golden-kafka  the quick start and the benchmark job with 1, 2 and 3 processes on brokers of Kafka
#   make image    builds the container image without Docker and runs a pipeline in it (root, buildah)
#   make fuzz     every fuzz target for SECONDS=60
#   make format   clang-format over the tree;  make lint   clang-tidy

JOB ?= b2b-journeys
EVENTS ?= 1000000
DIST ?= uniform
THREADS ?= 1
FAULT ?= none
SECONDS ?= 60
SEEDS ?= 1000
BROKERS ?= 3
CHAOS_SEEDS ?= $(if $(filter command line,$(origin SEEDS)),$(SEEDS),3)
SOURCES = $(shell git ls-files '*.cc' '*.h')

.PHONY: build demo test bench bench-kafka bench-latency flatness profile simulation golden-kafka chaos image fuzz format lint packages clean

packages:
	@deploy/debian/install.sh

build: packages
	@cmake --preset release > build.log 2>&1 || { cat build.log; exit 1; }
	@cmake --build --preset release --target leadflow
	@rm -f build.log

demo: build
	@examples/quickstart/run.sh build/release/leadflow

test: packages
	@tests/run.sh

bench: packages
	@cmake --preset release > /dev/null
	@cmake --build --preset release --target leadflow bench_floor bench_generate
	@python3 bench/run.py --job $(JOB) --events $(EVENTS) --dist $(DIST) --threads $(THREADS)

bench-kafka: packages
	@cmake --preset release > /dev/null
	@cmake --build --preset release --target leadflow bench_produce bench_generate
	@python3 -B bench/kafka.py --events $(EVENTS) --dist $(DIST) --threads $(THREADS) $(if $(KAFKA),--brokers $(KAFKA))

bench-latency: packages
	@cmake --preset release > /dev/null
	@cmake --build --preset release --target leadflow bench_produce bench_generate bench_latency
	@python3 -B bench/latency.py --threads $(THREADS) --dist $(DIST) --fault $(FAULT) $(if $(STANDBY),--standby)

flatness: packages
	@cmake --preset release > /dev/null
	@cmake --build --preset release --target leadflow bench_generate
	@python3 bench/flatness.py

profile: packages
	@cmake --preset release > /dev/null
	@cmake --build --preset release --target bench_generate
	@python3 bench/profile.py --events $(EVENTS) --dist $(DIST)

simulation: packages
	@cmake --preset release > /dev/null
	@cmake --build --preset release --target pipeline_simulation
	@build/release/bin/pipeline_simulation --seeds $(SEEDS)

golden-kafka: packages
	@cmake --preset release > /dev/null
	@cmake --build --preset release --target leadflow bench_generate
	@python3 -B tests/kafka/golden.py build/release/leadflow build/release/bin/bench_generate --brokers $(BROKERS)

chaos: packages
	@cmake --preset release > /dev/null
	@cmake --build --preset release --target leadflow kafka_read_rows
	@python3 -B tests/kafka/chaos.py build/release/leadflow build/release/bin/kafka_read_rows --seeds $(CHAOS_SEEDS) --seconds $(SECONDS) --brokers $(BROKERS)

image:
	@python3 -B tests/deploy/image.py .

fuzz: packages
	@tests/fuzz/run.sh $(SECONDS)

format:
	clang-format -i $(SOURCES)

lint: packages
	@cmake --preset clang > /dev/null
	run-clang-tidy -quiet -p build/clang $(SOURCES)

clean:
	rm -rf build
