#!/usr/bin/env python3
"""Every relative link in the Markdown files leads to a file, and its anchor to a heading there."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).parents[2]
NOT_OURS = {"build", "node_modules", ".git"}
LINK = re.compile(r"\]\(([^()\s]+)\)")
BLOCK = re.compile(r"^```.*?^```|^ {4,}\S.*?$", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"`[^`\n]*`")


def pages():
    for path in sorted(ROOT.rglob("*.md")):
        if not NOT_OURS & set(path.relative_to(ROOT).parts):
            yield path


def prose(page):
    return BLOCK.sub("", page.read_text(encoding="utf-8"))


def anchors(page):
    """As GitHub makes them of headings."""
    for title in re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE):
        yield re.sub(r"[^\w -]", "", title.lower()).strip().replace(" ", "-")


def broken(page):
    for link in LINK.findall(INLINE.sub("", prose(page))):
        name, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", name):
            continue
        target = (page.parent / name).resolve() if name else page
        if not target.exists():
            yield link
        elif anchor and anchor not in anchors(target):
            yield f"{link}: no such heading"


def main():
    wrong = [f"{page.relative_to(ROOT)}: {link}" for page in pages() for link in broken(page)]
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"the links of {len(list(pages()))} pages lead somewhere")


if __name__ == "__main__":
    main()
