#!/usr/bin/python3
"""Breaks the operator on purpose, in one place at a time, and sees whether that is noticed: by plans of
the matrix, or by a unit test that is named here.

    mutations.py [NAME...]

Builds in a copy of the tree, build/mutant. Needs what matrix.py needs."""

import dataclasses
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
COPY = ROOT / "build/mutant"
# The compiler's cache knows a file of the copy as that of the tree.
CCACHE = {"CCACHE_BASEDIR": str(COPY), "CCACHE_NOHASHDIR": "1"}
BINARIES = {"matrix.py": COPY / "build/dev/tests/fault/pg-rightsizer-hurried",
            "routes.py": COPY / "build/dev/tests/fault/pg-rightsizer-hurried",
            "leaders.py": COPY / "build/dev/src/cli/pg-rightsizer"}
PARTS = ("CMakeLists.txt", "CMakePresets.json", "cmake", "include", "src", "tests", "crds", "examples")


@dataclasses.dataclass(frozen=True)
class Mutation:
    name: str
    file: str
    old: str
    new: str
    noticed_by: tuple  # a script of this folder and its arguments, or "unit", its target and a test


MUTATIONS = (
    Mutation("ignores 410", "src/runtime/reflector.cc", "if (error && calls_for_a_list(*error, lasted))",
             "if (error && error->kind != ErrorKind::Gone && calls_for_a_list(*error, lasted))",
             ("matrix.py", "--only", "^watch gone deployments up$")),
    Mutation("lists at resourceVersion 0", "src/runtime/reflector.cc",
             '"&sendInitialEvents=true&', '"&sendInitialEvents=true&resourceVersion=0&',
             ("matrix.py", "--only", "^watch gone deployments up$")),
    Mutation("forgets the uid precondition", "src/providers/stateful_set.cc",
             "{.uid = database.pod_uid, .resource_version = {}}", "{}",
             ("unit", "providers_unit", "StatefulSetRestart.DeletesThePodItSawAndNoOther")),
    Mutation("acts before sync", "src/runtime/manager.cc",
             "if (stopping_ || !ready_ || !leading_", "if (stopping_ || !leading_",
             ("unit", "runtime_test", "ManagerTest.TheLeadBeforeTheFirstListWaitsForIt")),
    Mutation("skips the live re-read", "src/controller/reconciler.cc",
             "  if (cannot_be_taken_back(step))", "  if (false && cannot_be_taken_back(step))",
             ("matrix.py", "--only", "^meanwhile (suspended|scaled) before")),
    Mutation("restarts by the StatefulSet of its first look", "src/providers/stateful_set.cc",
             "  const auto object = read_stateful_set();", "  static const auto object = read_stateful_set();",
             ("matrix.py", "--only", "^meanwhile rollout before the restart$")),
    Mutation("takes over by the store's status", "src/controller/reconciler.cc",
             "memory->status = read.status;", "memory->status = metadata.status;", ("leaders.py",)),
    Mutation("records a restart after it", "src/controller/execute/restart.cc",
             "  if (auto done = write_status(turn, status); !done) return done;\n"
             '  tell(turn, kRestartStarted', '  tell(turn, kRestartStarted',
             ("matrix.py", "--only", "^crash during DELETE pods/shop-db-0 1$")),
    Mutation("keeps a token that is refused", "src/kube/token_source.cc", "  if (!renew_) return false;",
             "  if (renew_) return false;", ("matrix.py", "--only", "^rotate token up$")),
    Mutation("keeps an authority that has gone", "src/kube/tls_source.cc",
             "  read_again(fresh.ca_file, fresh.ca_pem);", "",
             ("matrix.py", "--only", "^rotate authority up$")),
    Mutation("goes on when another leads", "src/runtime/leader_elector.cc",
             "held == Held::ByAnother ||", "false ||", ("matrix.py", "--only", "^steal up$")),
    Mutation("makes a lost front Service for the database", "src/controller/observe/pooler.cc",
             "  if (!facts.seen.pooler) return", "  if (facts.seen.pooler) return", ("routes.py",)),
)


def run(*command, **options):
    return subprocess.run(command, check=False, capture_output=True, text=True, **options)


def copy_tree():
    shutil.rmtree(COPY, ignore_errors=True)
    COPY.mkdir(parents=True)
    for part in PARTS:
        source = ROOT / part
        (shutil.copytree if source.is_dir() else shutil.copy)(source, COPY / part)


def build(target):
    """Of the copy; ends this program when it does not compile."""
    for command in (("cmake", "--preset", "dev"),
                    ("cmake", "--build", "--preset", "dev", "--target", target)):
        done = run("nice", *command, cwd=COPY, env={**os.environ, **CCACHE})
        if done.returncode != 0:
            sys.exit(f"mutations: {' '.join(command)}: {done.stdout[-3000:]}{done.stderr}")


def mutate(mutation):
    path = COPY / mutation.file
    original = path.read_text(encoding="utf-8")
    if original.count(mutation.old) != 1:
        sys.exit(f"mutations: {mutation.name}: {mutation.file} does not have that once")
    path.write_text(original.replace(mutation.old, mutation.new), encoding="utf-8")
    return path, original


def is_noticed(mutation):
    """(by whom, its last words)"""
    who, *arguments = mutation.noticed_by
    if who == "unit":
        build(arguments[0])
        done = run("ctest", "--test-dir", str(COPY / "build/dev"), "-R", arguments[1],
                   "--no-tests=error")
        return done.returncode == 8, done.stdout  # 8: a test has failed
    binary = BINARIES[who]
    build(binary.name)
    done = run("/usr/bin/python3", "-B", str(HERE / who), *arguments,
               env={**os.environ, "PGRS_OPERATOR": str(binary)})
    return done.returncode == 1, done.stdout + done.stderr


def main():
    wanted = [one for one in MUTATIONS if not sys.argv[1:] or one.name in sys.argv[1:]]
    copy_tree()
    missed = 0
    for mutation in wanted:
        path, original = mutate(mutation)
        noticed, words = is_noticed(mutation)
        path.write_text(original, encoding="utf-8")
        print(f"mutations: {mutation.name}: {'noticed by' if noticed else 'NOT NOTICED by'} "
              f"{' '.join(mutation.noticed_by)}", flush=True)
        print("    " + "\n    ".join(words.splitlines()[-12:]), flush=True)
        missed += not noticed
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
