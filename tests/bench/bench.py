#!/usr/bin/python3
"""The comparison itself; hack/bench starts it in a network of its own.

Programs that are compared run one at a time, in rounds, each round in another order, so that what
else the machine does is spread over all of them.
"""
import argparse
import contextlib
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import time

import report
from world import VIRTUAL, Program, World, wait_for

HERE = pathlib.Path(__file__).parent
START = time.monotonic()
BARE = "bare-write"
DEBOUNCED = "kube-rs, debounced"
# Rounds; of the latency also the events of each.
FULL = {"small": 3, "large": 2, "latency": (5, 200), "burst": 40}
SHORT = {"small": 1, "large": 1, "latency": (3, 350), "burst": 24}
QUICK = {"small": 1, "latency": (1, 25), "burst": 1}


def log(text):
    print(f"bench: {time.monotonic() - START:5.0f}s  {text}", flush=True)


class Bench:
    def __init__(self, arguments, directory):
        self.quick = arguments.quick
        self.rounds_of = QUICK if arguments.quick else SHORT if arguments.short else FULL
        tools = arguments.tools
        self.world = World(directory, arguments.binaries, tools)
        # The prefix of a program's ConfigMaps is its last argument.
        commands = {
            "ours": [arguments.ours, "ours"],
            "controller-runtime": [f"{tools}/controller-runtime", "controller-runtime"],
            "controller-runtime, tuned": [f"{tools}/controller-runtime", "-tuned", "controller-runtime-tuned"],
            "kube-rs": [f"{tools}/bench-kube-rs", "0", "kube-rs"],
            DEBOUNCED: [f"{tools}/bench-kube-rs", "50", "kube-rs-debounced"],
        }
        self.commands = {name: command for name, command in commands.items() if os.access(command[0], os.X_OK)}
        self.compared = [name for name in self.commands if name != DEBOUNCED]
        self.results = {"cold": [], "latency": [], "burst": [], "restart": [], "move": []}

    def rounds(self, number, names):
        """(round, name): every name in every round, in an order by chance: an API server that the one
        before has kept busy is quicker or slower for the next."""
        chance = random.Random(number)
        for i in range(number):
            for name in chance.sample(names, len(names)):
                yield i, name

    def add(self, part, **result):
        self.results[part].append(result)
        values = {k: f"{v:.2f}" if isinstance(v, float) else v for k, v in result.items() if not isinstance(v, list)}
        log(f"{part}: " + ", ".join(f"{k} {v}" for k, v in values.items()))

    def drive(self, name, *arguments, port=6443):
        prefix = self.commands.get(name, [BARE])[-1]
        env = {**os.environ, "KUBECONFIG": str(self.world.kubeconfig(port))}
        out = subprocess.run([f"{self.world.tools}/scale", "-prefix", prefix, *arguments], env=env,
                             stdout=subprocess.PIPE, text=True)
        if out.returncode:
            raise RuntimeError(f"{name}: scale {' '.join(arguments)} failed")
        return json.loads(out.stdout)

    def begin(self, count):
        log(self.world.seed(count))
        self.world.start_server()
        self.curl()  # until it has read them all it refuses to list
        log("the API server is ready")

    @contextlib.contextmanager
    def at_work(self, name, port=6443):
        """The program when it has nothing to do any more."""
        self.world.delete("/api/v1/namespaces/default/configmaps")
        with Program(self.world, self.commands[name], port) as program:
            program.wait_synced()
            for i in range(10):
                path = f"/api/v1/namespaces/default/configmaps/{self.commands[name][-1]}-db-{i}"
                wait_for("the first sum", lambda: self.world.get(path))
            yield program

    def curl(self):
        begin = time.monotonic()
        before = os.times()
        self.world.run(
            "curl", "-sf", "--retry", "100", "--cacert", "ca.crt", "-H", "Authorization: Bearer bench", "-A", "bench-driver", "-o", "/dev/null",
            "-H", "Accept: application/vnd.kubernetes.protobuf", "https://127.0.0.1:6443/apis/apps/v1/deployments")
        after = os.times()
        cpu = after.children_user + after.children_system - before.children_user - before.children_system
        return time.monotonic() - begin, cpu

    def cold(self, count, rounds):
        for _, name in self.rounds(rounds, ["curl", *self.compared]):
            if name == "curl":
                seconds, cpu = self.curl()
                self.add("cold", count=count, name=name, seconds=seconds, cpu=cpu)
                continue
            mark = self.world.mark()
            with Program(self.world, self.commands[name]) as program:
                seconds, cpu = program.wait_synced()
                time.sleep(5 if self.quick else 30)
                peak, steady = program.memory()
            made = self.world.requests(mark)
            self.add("cold", count=count, name=name, seconds=seconds, cpu=cpu, peak=peak, steady=steady,
                     lists=made["list"], watchlists=made["watchlist"])

    def latency(self, rounds, events):
        for _, name in self.rounds(rounds, [BARE, *self.compared]):
            if name == BARE:
                measured = self.drive(name, "-count", str(events), "bare")
            else:
                with self.at_work(name):
                    measured = self.drive(name, "-count", str(events), "latency")
            self.add("latency", name=name, sent=measured["sent"], acked=measured["acked"],
                     p50=report.quantile(measured["acked"], 0.5), p99=report.quantile(measured["acked"], 0.99))

    def burst(self, rounds, events):
        for _, name in self.rounds(rounds, list(self.commands)):
            with self.at_work(name):
                mark = self.world.mark()
                measured = self.drive(name, "-count", str(events), "burst")
                time.sleep(1)  # writes that were not needed any more
                writes = self.world.requests(mark)["write"]
            self.add("burst", name=name, events=events, scaled=measured["scaled"], right=measured["right"], writes=writes)

    def restart(self, count, rounds):
        for _, name in self.rounds(rounds, self.compared):
            with self.at_work(name) as program:
                program.forget_peak()
                mark = self.world.mark()
                self.world.stop_server()
                self.world.start_server()
                self.tell_lists("restart", name, count, program, mark)

    def move(self, count):
        """From one API server to another that has been running all the while."""
        for name in self.compared:
            self.world.lead_to(6443)
            self.world.start_server(6444)
            with self.at_work(name, VIRTUAL) as program:
                for _ in range(3):  # so that it has seen what the second server has seen since its start
                    self.drive(name, "settle", port=6444)
                program.forget_peak()
                mark = self.world.mark()
                self.world.lead_to(6444)
                self.world.stop_server(6443)
                self.tell_lists("move", name, count, program, mark, 6444)
            self.world.stop_server(6444)
            self.world.start_server(6443)

    def tell_lists(self, part, name, count, program, mark, port=6443):
        begin = time.monotonic()
        self.drive(name, "settle", port=port)
        seconds = time.monotonic() - begin
        time.sleep(2 if self.quick else 20)  # lists that are still under way
        made = self.world.requests(mark)
        self.add(part, name=name, count=count, seconds=seconds, peak=program.memory()[0],
                 lists=made["list"], watchlists=made["watchlist"])

    def run(self, known):
        small, large = (2_000, None) if self.quick else (10_000, 100_000)
        self.begin(small)
        known.update(facts(self.world))
        self.cold(small, self.rounds_of["small"])
        self.latency(*self.rounds_of["latency"])
        self.burst(self.rounds_of["burst"], 200 if self.quick else 1_000)
        if large:
            self.begin(large)
            self.cold(large, self.rounds_of["large"])
        self.restart(large or small, 1)
        self.move(large or small)


def facts(world):
    def match(path, pattern):
        return re.search(pattern, (HERE / path).read_text(), re.MULTILINE).group(1)

    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text()).group(1)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = re.search(r'PRETTY_NAME="(.*)"', pathlib.Path("/etc/os-release").read_text()).group(1)
    return {
        "machine": f"{os.cpu_count()} cores of {cpu}, {memory:.0f} GiB, {system}, Linux {os.uname().release}",
        "load": f"{os.getloadavg()[0]:.1f}",
        "kubernetes": json.loads(world.get("/version"))["gitVersion"],
        "controller_runtime": match("peers/controller-runtime/go.mod", r"controller-runtime (v\S+)$"),
        "kube": match("peers/kube-rs/Cargo.lock", r'name = "kube"\nversion = "(\S+)"'),
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--short", action="store_true")
    for path in ("--binaries", "--tools", "--ours", "--directory"):
        parser.add_argument(path, required=True)
    arguments = parser.parse_args()
    shutil.rmtree(arguments.directory, ignore_errors=True)
    os.makedirs(arguments.directory)
    bench = Bench(arguments, arguments.directory)
    known = {}
    try:
        bench.run(known)
    finally:
        bench.world.stop()
        (pathlib.Path(arguments.directory) / "results.json").write_text(json.dumps([bench.results, known]))
        if known:
            print(report.tables(bench.results))
    if not bench.quick:
        (HERE.parents[1] / "docs/benchmarks.md").write_text(report.document(bench.results, known))


if __name__ == "__main__":
    main()
