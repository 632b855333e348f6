"""Writes the tree of the README anew: every Python file with the beginning of its docstring.

Does not know what is right to say; whoever wants a better line writes a better docstring. `make tree` runs it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

__all__ = ["render", "rewrite"]

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("app", "lamm_core", "annotation", "benchmarks")
WIDTH = 34
BEFORE = (
    ("app.py", "starts the page"),
    ("Makefile", "run, test, check, help"),
    ("requirements.txt", "what runs it; requirements-dev.txt what checks it; constraints.txt every version"),
    ("pyproject.toml", "metadata and the settings of ruff, mypy and pytest"),
)
AFTER = (
    ("assets/", "the shipped model lamm-mini, demo pictures with their licences, styles, scripts, icons"),
    (
        "docs/",
        "architecture, the-loop, training, benchmark, lamm-mini, log (decisions, failed tries) and more; tree.py",
    ),
    ("tests/", "mirrors the sources; tests/browser drives the page in Chromium"),
)


def render() -> str:
    """The whole tree as lines of text."""
    lines = [entry(0, name, text) for name, text in BEFORE]
    for folder in FOLDERS:
        if (ROOT / folder).is_dir():
            lines += ["", *walk(ROOT / folder, 0)]
    return "\n".join([*lines, "", *(entry(0, name, text) for name, text in AFTER)])


def walk(folder: Path, depth: int) -> Iterator[str]:
    """A folder, its files, then the folders in it; those without Python below are left out."""
    yield entry(depth, f"{folder.name}/", summary(folder / "__init__.py"))
    for path in sorted(folder.glob("*.py")):
        if path.name != "__init__.py":
            yield entry(depth + 1, path.name, summary(path))
    for below in sorted(path for path in folder.iterdir() if path.is_dir()):
        if any(below.rglob("*.py")):
            yield from walk(below, depth + 1)


def entry(depth: int, name: str, text: str) -> str:
    """One line, the texts standing below each other."""
    return f"{'  ' * depth + name:<{WIDTH}}{text}".rstrip()


def summary(path: Path) -> str:
    """The first clause of a file's docstring that says enough."""
    if not path.is_file():
        return ""
    first = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n", 1)[0].replace("``", "")
    for stop in re.finditer(r"[:;.](?= |$)", first):
        if stop.start() >= 24:
            first = first[: stop.start()]
            break
    opening = first.split(" ", 1)[0]
    plain = opening[1:].islower() or len(opening) == 1  # not LAMM, LSP or EfficientNet
    return first[:1].lower() + first[1:] if plain else first


def rewrite(readme: str) -> str:
    """The README with its tree replaced."""
    head, rest = readme.split("## The tree", 1)
    before, _, after = rest.split("```", 2)
    return f"{head}## The tree{before}```text\n{render()}\n```{after}"


if __name__ == "__main__":
    path = ROOT / "README.md"
    path.write_text(rewrite(path.read_text(encoding="utf-8")), encoding="utf-8")
