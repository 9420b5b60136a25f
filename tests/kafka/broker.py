#!/usr/bin/env python3
"""Real Apache Kafka brokers for tests: one process each (KRaft), loopback only, free ports, a temporary directory.

    broker.py run [--version V] -- COMMAND...   starts a broker, runs COMMAND with the variables below, stops the broker;
                                                ends with COMMAND's exit code, or 77 if Java, Maven or openssl is not there
    broker.py serve [--version V]               starts a broker, prints the variables, stops at Ctrl-C
    broker.py fetch [--version V]               only fills the cache

COMMAND finds in its environment
    LEADFLOW_KAFKA           host:port (with commas, if a test has several brokers), no encryption, no login
    LEADFLOW_KAFKA_SASL      host:port, login by SASL PLAIN (user `leadflow`, password `secret`)
    LEADFLOW_KAFKA_TLS       host:port, TLS
    LEADFLOW_KAFKA_CA        file of the certificate authority of the TLS port
    LEADFLOW_KAFKA_PID       process id of the broker
    LEADFLOW_KAFKA_VERSION

The broker's jar files come from Maven Central by way of Maven and its own settings, once, into the user's cache folder
($XDG_CACHE_HOME or ~/.cache, leadflow/kafka-VERSION). The version is --version, else $KAFKA_VERSION, else 4.3.1.
"""
import argparse
import contextlib
import ctypes
import fcntl
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import links

SKIPPED = 77
DEFAULT_VERSION = "4.3.1"
START_SECONDS_MAX = 120
STOP_SECONDS_MAX = 20
STARTED = "Kafka Server started"
CLUSTER_ID = "MkU3OEVBNTcwNTJENDM2Qg"

POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
 <modelVersion>4.0.0</modelVersion>
 <groupId>leadflow</groupId><artifactId>kafka-for-tests</artifactId><version>1</version><packaging>pom</packaging>
 <dependencies>
  <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{version}</version></dependency>
  {logging}
 </dependencies>
</project>
"""
# Kafka brings no binding for its log lines, and without one every line is lost.
LOGGING = ("<dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId>"
           "<version>2.25.5</version></dependency>")
LOGGING_3 = ("<dependency><groupId>org.slf4j</groupId><artifactId>slf4j-reload4j</artifactId>"
             "<version>1.7.36</version></dependency>")
LOG4J2 = """Configuration:
  Appenders: {Console: {name: out, PatternLayout: {pattern: "%d %p %m (%c)%n"}}}
  Loggers: {Root: {level: INFO, AppenderRef: {ref: out}}}
"""
LOG4J1 = """log4j.rootLogger=INFO, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d %p %m (%c)%n
"""
PROPERTIES = """process.roles=broker,controller
node.id={node}
controller.quorum.voters={voters}
listeners=PLAINTEXT://127.0.0.1:{plain},SASL://127.0.0.1:{sasl},CONTROLLER://127.0.0.1:{controller},TLS://127.0.0.1:{tls}{link_listeners}
advertised.listeners=PLAINTEXT://127.0.0.1:{plain},SASL://127.0.0.1:{sasl},TLS://127.0.0.1:{tls}{link_addresses}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT,TLS:SSL{link_protocols}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={directory}/data
offsets.topic.replication.factor={replicas}
offsets.topic.num.partitions=4
transaction.state.log.replication.factor={replicas}
transaction.state.log.min.isr={in_sync}
transaction.state.log.num.partitions=4
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
auto.create.topics.enable=false
sasl.enabled.mechanisms=PLAIN
listener.name.sasl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \
 user_leadflow="secret" user_limited="secret";
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS;User:leadflow
listener.name.tls.ssl.keystore.type=PEM
listener.name.tls.ssl.keystore.location={directory}/broker.pem
listener.name.tls.ssl.truststore.type=PEM
listener.name.tls.ssl.truststore.location={directory}/ca.pem
"""

# Compaction and the end of old transactions as soon as they can be.
FOR_TESTS = """transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
log.roll.ms=200
log.cleaner.backoff.ms=300
log.cleaner.min.cleanable.ratio=0.01
log.initial.task.delay.ms=0
log.index.size.max.bytes=65536
"""
SMALL_JVM = ("-Xmx512m", "-Xms64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
# As Kafka's own start script has it.
FULL_JVM = ("-Xmx1g", "-Xms1g", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:InitiatingHeapOccupancyPercent=35")

# A broker that is held still is soon replaced; one that is alone had better wait for itself.
OF_SEVERAL = """broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
"""


class Missing(Exception):
    """A program that this script cannot do without is not there."""


def find_program(name, hint):
    found = shutil.which(name)
    if not found:
        raise Missing(f"`{name}` is not on the path; {hint}")
    return found


def cache_folder(version):
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return pathlib.Path(base) / "leadflow" / f"kafka-{version}"


def fetch(version):
    """Returns the folder of the jar files; fetches them if this is the first time."""
    folder = cache_folder(version)
    if (folder / "lib").is_dir():
        return folder / "lib"
    maven = find_program("mvn", "install Maven (Debian: maven) to fetch the Kafka broker for tests")
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # Two tests that start at once fetch once.
        if (folder / "lib").is_dir():
            return folder / "lib"
        logging = LOGGING_3 if version.startswith("3.") else LOGGING
        (folder / "pom.xml").write_text(POM.format(version=version, logging=logging))
        shutil.rmtree(folder / "partial", ignore_errors=True)
        print(f"broker.py: fetching Apache Kafka {version} by Maven", file=sys.stderr, flush=True)
        done = subprocess.run([maven, "-q", "-B", "dependency:copy-dependencies", "-DincludeScope=runtime",
                               f"-DoutputDirectory={folder / 'partial'}"], cwd=folder, stdout=sys.stderr, check=False)
        if done.returncode != 0:
            sys.exit(f"broker.py: Maven could not fetch org.apache.kafka:kafka_2.13:{version}; see its messages above")
        (folder / "partial").rename(folder / "lib")
    return folder / "lib"


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def write_certificates(directory):
    """An authority and a certificate of the broker for 127.0.0.1."""
    openssl = find_program("openssl", "install openssl to make the certificates of the Kafka broker for tests")
    run = lambda *words: subprocess.run([openssl, *words], cwd=directory, check=True, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
    run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=leadflow tests",
        "-keyout", "ca.key", "-out", "ca.pem")
    run("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-keyout", "broker.key", "-out", "broker.csr")
    (directory / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    run("x509", "-req", "-in", "broker.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
        "-extfile", "names", "-out", "broker.crt")
    (directory / "broker.pem").write_text((directory / "broker.key").read_text() + (directory / "broker.crt").read_text())


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Broker:
    """One broker of a cluster; `directory` is its own and is removed by the caller."""

    def __init__(self, version, directory, node, ports, for_tests=True):
        self.version, self.node, self.for_tests = version, node, for_tests
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(exist_ok=True)
        self.log = self.directory / "broker.log"
        self.java = find_program("java", "install a Java runtime of version 17 or later to run the Kafka broker for tests")
        self.lib = fetch(version)
        self.process = None
        self.plain, self.sasl, self.tls, self.controller, *self.behind_links = ports
        self.link_ports = []

    def command(self, main, *words):
        if self.version.startswith("3."):
            logging = f"-Dlog4j.configuration=file:{self.directory}/log4j.properties"
        else:
            logging = f"-Dlog4j2.configurationFile={self.directory}/log4j2.yaml"
        return [self.java, *(SMALL_JVM if self.for_tests else FULL_JVM), logging, "-cp", f"{self.lib}/*", main, *words]

    def configure(self, voters, replicas, lines):
        """`lines`: Links or None. A client that comes over one finds all brokers over it."""
        write_certificates(self.directory)
        ports = self.behind_links
        self.link_ports = [lines.lead(link, port) for link, port in enumerate(ports)]
        text = PROPERTIES.format(
            node=self.node, voters=voters, plain=self.plain, sasl=self.sasl, tls=self.tls, controller=self.controller,
            directory=self.directory, replicas=replicas, in_sync=max(1, replicas - 1),
            link_listeners="".join(f",LINK{i}://127.0.0.1:{port}" for i, port in enumerate(ports)),
            link_addresses="".join(f",LINK{i}://127.0.0.1:{port}" for i, port in enumerate(self.link_ports)),
            link_protocols="".join(f",LINK{i}:PLAINTEXT" for i in range(len(ports))))
        text += (FOR_TESTS if self.for_tests else "") + (OF_SEVERAL if replicas > 1 else "")
        (self.directory / "server.properties").write_text(text)
        (self.directory / "log4j2.yaml").write_text(LOG4J2)
        (self.directory / "log4j.properties").write_text(LOG4J1)
        with open(self.log, "ab") as log:
            done = subprocess.run(self.command("kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c",
                                               str(self.directory / "server.properties")), stdout=log, stderr=log, check=False)
        if done.returncode != 0:
            self.fail("could not format its directory")

    def launch(self):
        """Returns how often it says in its log that it has started, once it has."""
        starts = self.log.read_text(errors="replace").count(STARTED)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command("kafka.Kafka", str(self.directory / "server.properties")), stdout=log, stderr=log,
                                            preexec_fn=die_with_parent)
        return starts + 1

    def restart(self, kill):
        """The same broker again, on what it has on disk; `kill`: it had no time to end."""
        self.end(kill)
        self.resume()

    def resume(self):
        self.wait_until_ready(self.launch())

    def end(self, kill):
        if kill:
            self.process.kill()
            self.process.wait()
        else:
            self.stop()

    def wait_until_ready(self, starts):
        deadline = time.monotonic() + START_SECONDS_MAX
        while self.log.read_text(errors="replace").count(STARTED) < starts:
            if self.process.poll() is not None:
                self.fail(f"ended with exit code {self.process.returncode}")
            if time.monotonic() > deadline:
                self.fail(f"was not ready after {START_SECONDS_MAX} s")
            time.sleep(0.05)

    def fail(self, what):
        lines = self.log.read_text(errors="replace").splitlines()[-30:]
        self.stop()
        sys.exit("\n".join(lines) + f"\nbroker.py: Apache Kafka {self.version} {what}; the end of its log stands above")

    def stop(self):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGCONT)  # A test may have left it stopped.
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Cluster:
    """Some brokers, with topics of as many replicas; `directory` is removed by the caller. `for_tests`: they tidy up at once, in a
    small JVM; else they are as Kafka comes."""

    def __init__(self, version, directory, brokers=1, link_count=0, for_tests=True):
        each = 4 + link_count
        ports = free_ports(brokers * each)
        self.brokers = [Broker(version, pathlib.Path(directory) / str(i + 1), i + 1, ports[i * each:(i + 1) * each], for_tests)
                        for i in range(brokers)]
        self.links = links.Links(link_count) if link_count else None
        first = self.brokers[0]
        self.java, self.lib = first.java, first.lib
        self.variables = {"LEADFLOW_KAFKA": ",".join(f"127.0.0.1:{one.plain}" for one in self.brokers),
                          "LEADFLOW_KAFKA_SASL": f"127.0.0.1:{first.sasl}", "LEADFLOW_KAFKA_TLS": f"127.0.0.1:{first.tls}",
                          "LEADFLOW_KAFKA_CA": str(first.directory / "ca.pem"), "LEADFLOW_KAFKA_VERSION": version}

    def start(self):
        voters = ",".join(f"{one.node}@127.0.0.1:{one.controller}" for one in self.brokers)
        for one in self.brokers:
            one.configure(voters, len(self.brokers), self.links)
        starts = [one.launch() for one in self.brokers]
        for one, count in zip(self.brokers, starts):
            one.wait_until_ready(count)
        self.variables["LEADFLOW_KAFKA_PID"] = str(self.brokers[0].process.pid)

    def over(self, link):
        """The brokers as they are found over a link."""
        return ",".join(f"127.0.0.1:{one.link_ports[link]}" for one in self.brokers)

    def end(self):
        """Nobody needs what they have: they get no time to put it in order."""
        for one in self.brokers:
            if one.process is not None:
                one.end(kill=True)


@contextlib.contextmanager
def running(version, brokers=1, link_count=0, for_tests=True):
    with tempfile.TemporaryDirectory(prefix="leadflow-kafka-", ignore_cleanup_errors=True) as directory:
        cluster = Cluster(version, directory, brokers, link_count, for_tests)
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.end()


def run(version, command):
    with running(version) as cluster:
        child = subprocess.Popen(command, env={**os.environ, **cluster.variables})
        try:
            return child.wait()
        finally:
            if child.poll() is None:
                child.kill()


def serve(version):
    with running(version) as cluster:
        for name, value in cluster.variables.items():
            print(f"{name}={value}", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            cluster.brokers[0].process.wait()
    return 0


def run_test(description, test, programs=("binary",), link_count=0, **options):
    """Parses `programs`, --version, --brokers and `options` (name=default), and returns what `test(options, folder, cluster)` does, or
    SKIPPED."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    for program in programs:
        parser.add_argument(program, type=lambda path: str(pathlib.Path(path).resolve()))
    parser.add_argument("--version", default=os.environ.get("KAFKA_VERSION") or DEFAULT_VERSION)
    parser.add_argument("--brokers", type=int, default=1)
    for name, default in options.items():
        parser.add_argument(f"--{name}", type=type(default), default=default)
    parsed = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory() as folder, running(parsed.version, parsed.brokers, link_count) as cluster:
            return test(parsed, pathlib.Path(folder), cluster)
    except Missing as missing:
        print(f"{pathlib.Path(sys.argv[0]).name}: skipped: {missing}", file=sys.stderr)
        return SKIPPED


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["run", "serve", "fetch"])
    parser.add_argument("--version", default=os.environ.get("KAFKA_VERSION") or DEFAULT_VERSION)
    parser.add_argument("command", nargs="*", metavar="-- COMMAND")
    split = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    arguments = parser.parse_args(sys.argv[1:split])
    command = arguments.command + sys.argv[split + 1:]
    if (arguments.action == "run") != bool(command):
        parser.error("run needs a command, the others take none")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        if arguments.action == "fetch":
            print(fetch(arguments.version))
            return 0
        return run(arguments.version, command) if arguments.action == "run" else serve(arguments.version)
    except Missing as missing:
        print(f"broker.py: skipped: {missing}", file=sys.stderr)
        return SKIPPED


if __name__ == "__main__":
    sys.exit(main())
