#!/usr/bin/env python3
"""Fails when an #include breaks the arrows between the modules, or between the folders of one.

    check_includes.py [ROOT]

Every line of the answer names the file, the line and the rule. docs/architecture.md has the picture.
"""

import pathlib
import re
import sys

# module: the modules it may use besides itself.
MAY_USE = {
    "base": set(),
    "sizing": set(),
    "transition": {"sizing"},
    "saturation": {"sizing"},
    "schedule": {"base"},
    "api": {"base", "saturation", "sizing"},
    "replay": {"base", "sizing", "transition", "api"},
    "kube": {"base"},
    "runtime": {"base", "kube"},
    "postgres": {"base"},
    "pgbouncer": {"base", "sizing", "postgres"},
    "guard": {"base", "postgres", "pgbouncer"},
    "providers": {"base", "kube", "postgres"},
    "controller": {"base", "saturation", "sizing", "transition", "api", "kube", "runtime", "postgres",
                   "pgbouncer", "providers", "schedule"},
    "telemetry": {"base"},
}
MAY_USE["cli"] = set(MAY_USE)

# Of a module with folders, folder: the others that it may use; "" is what lies beside the folders.
FOLDERS = {
    "controller": {
        "turn": set(),
        "observe": {"turn"},
        "execute": {"turn"},
        "report": {"turn"},
        "": {"turn", "observe", "execute", "report"},
    },
}

# Headers of libraries that one place keeps to itself: pattern → (where, in words).
KEPT = {
    # Behind kube/transport.h: the transport itself, one exchange of it, and where bytes go.
    r"(cpprest|pplx)/": (r"src/kube/([^/]*cpprest[^/]*|exchange\.(h|cc)|sink\.h)",
                         "the transport in src/kube"),
    r"spdlog/": (r"src/telemetry/.*", "telemetry"),
    r"(libpq-fe|libpq/.*|libpq-events|pg_config.*)\.h": (r"src/postgres/.*", "postgres"),
    r"prometheus/": (r"src/telemetry/.*", "telemetry"),
    r"CLI/": (r"src/cli/.*", "cli"),
    r"date/": (r"src/schedule/.*", "schedule"),
    r"yaml-cpp/": (r"src/(kube|cli)/.*", "kube and cli"),
}
# These see nothing but the standard library.
PURE = {"sizing", "saturation", "transition"}
# C++ headers have no suffix; of C's, only those that compute.
STANDARD = re.compile(r"[a-z_]+|(assert|math|stdint|limits)\.h")
# Standard, and yet a clock, a file, a thread or a terminal.
IMPURE = {"ctime", "fstream", "iostream", "filesystem", "thread", "mutex", "condition_variable",
          "random", "atomic", "future", "cstdio", "print", "stop_token"}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def files(root):
    """(module, path) of every source and header."""
    for top in (root / "src", root / "include/pgrightsizer"):
        for path in sorted(top.rglob("*")):
            if path.suffix in (".h", ".hpp", ".cc", ".cpp", ".ipp") and path.parent != top:
                yield path.relative_to(top).parts[0], path


def folder_of(root, module, path):
    """"observe" of src/controller/observe/pooler.cc; "" of src/controller/pace.cc."""
    folder = path.relative_to(root / "src" / module).parent.as_posix()
    return "" if folder == "." else folder


def broken_inside(root, module, path, included):
    """The rule between a module's folders that this include breaks, or None."""
    may_use = FOLDERS.get(module, {"": set()})
    here, there = folder_of(root, module, path), folder_of(root, module, included)
    for folder in (here, there):
        if folder not in may_use:
            return f"folder {folder} of {module} is not in the table"
    if there != here and there not in may_use[here]:
        return f"{module}/{here} may not use " + (f"{module}/{there}" if there else module)
    return None


def broken(root, module, path, quoted, header):
    """The rule that this include breaks, or None."""
    place = path.relative_to(root).as_posix()
    if header.startswith("pgrightsizer/"):
        other = header.split("/")[1]
        if other != module and other not in MAY_USE[module]:
            return f"{module} may not use {other}"
        return None
    if quoted:
        resolved = (path.parent / header).resolve()
        if path.is_relative_to(root / "include"):
            return "a public header includes \"pgrightsizer/…\", nothing relative"
        if not resolved.is_relative_to((root / "src" / module).resolve()):
            return "the inside of another module"
        return broken_inside(root, module, path, resolved)
    for pattern, (where, words) in KEPT.items():
        if re.match(pattern, header) and not re.fullmatch(where, place):
            return f"only {words} may include it"
    if module in PURE and (not STANDARD.fullmatch(header) or header in IMPURE):
        return f"{module} is pure: the standard library without clocks, threads and files"
    return None


def check(root):
    """(findings, number of files read)"""
    findings, count = [], 0
    for module, path in files(root):
        count += 1
        place = path.relative_to(root).as_posix()
        if module not in MAY_USE:
            findings.append(f"{place}: module {module} is not in the table")
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            match = INCLUDE.match(line)
            rule = match and broken(root, module, path, match[1] == '"', match[2])
            if rule:
                findings.append(f"{place}:{number}: includes {match[2]}: {rule}")
    return findings, count


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2])
    findings, count = check(root.resolve())
    print("\n".join(findings) or f"{count} files keep the arrows")
    return 1 if findings or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
