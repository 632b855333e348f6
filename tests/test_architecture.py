"""The rules of the house that a machine can check: who imports whom, how long a file is, what the README lists."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("lamm_core", "app", "annotation")
CEILING = 400

# What annotation may know of the model's side: standard-library modules only.
ANNOTATION_MAY_IMPORT = {
    "lamm_core.conversation",
    "lamm_core.errors",
    "lamm_core.grounding",
    "lamm_core.hub",
    "lamm_core.names",
    # Of point clouds what needs numpy alone: boxes, the split of labelled scans, names of colours.
    "lamm_core.pointclouds.boxes",
    "lamm_core.pointclouds.labelled",
    "lamm_core.pointclouds.shades",
    "lamm_core.registry",
}

# Inside lamm_core a module imports from its own layer and those before it.
LAYERS = (
    {"errors"},
    {"conversation", "file_head", "registry", "grounding", "names"},
    {"config", "download", "hub", "safetensors_hash", "backbones", "processes", "run_files"},
    {"modalities", "pointclouds", "data"},
    {"model"},
    {"training", "inference"},
    {"evaluation", "launchers", "serving"},
    {"deploy"},
)
LAYER_OF = {name: number for number, names in enumerate(LAYERS) for name in names}

HEAVY = ("torch", "open3d", "gradio")


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path) -> Iterator[tuple[str, int]]:
    """Every module that a file imports anywhere in it, with the line; ``from a import b`` counts as ``a.b`` too."""
    package = module_name(path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module or "") if part)
            yield module, node.lineno
            for alias in node.names:
                yield f"{module}.{alias.name}", node.lineno


def breaches(folder: str, forbidden: tuple[str, ...]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in sources(folder)
        for name, line in imported(path)
        if name.split(".")[0] in forbidden
    ]


def test_only_app_imports_gradio() -> None:
    assert breaches("lamm_core", ("gradio",)) + breaches("annotation", ("gradio",)) == []


def test_lamm_core_imports_nothing_else_of_ours() -> None:
    assert breaches("lamm_core", ("app", "annotation")) == []


def test_annotation_imports_no_torch_and_little_of_lamm_core() -> None:
    found = breaches("annotation", ("torch", "transformers", "app"))
    for path in sources("annotation"):
        for name, line in imported(path):
            allowed = any(name == module or name.startswith(f"{module}.") for module in ANNOTATION_MAY_IMPORT)
            if name.startswith("lamm_core.") and not allowed:
                found.append(f"{path.relative_to(ROOT)}:{line} imports {name}")
    assert found == []


def test_lamm_core_imports_only_downwards() -> None:
    found = []
    for path in sources("lamm_core"):
        here = module_name(path).split(".")[1:2]
        if not here or path.name == "__main__.py":  # a command line may start anything
            continue
        assert here[0] in LAYER_OF, f"{path.relative_to(ROOT)}: give lamm_core.{here[0]} a place in LAYERS"
        for name, line in imported(path):
            parts = name.split(".")
            if parts[0] != "lamm_core" or len(parts) == 1:
                continue
            assert parts[1] in LAYER_OF, f"{path.relative_to(ROOT)}:{line} imports {name}, which has no layer"
            if LAYER_OF[parts[1]] > LAYER_OF[here[0]]:
                found.append(f"{path.relative_to(ROOT)}:{line} imports {name}")
    assert found == []


@pytest.mark.parametrize(
    "module",
    [
        "lamm_core",
        "annotation",
        "lamm_core.__main__",
        "lamm_core.backbones",
        "lamm_core.config",
        "lamm_core.conversation",
        "lamm_core.errors",
        "lamm_core.grounding",
        "lamm_core.registry",
    ],
)
def test_light_modules_leave_heavy_packages_out(module: str) -> None:
    code = f"import sys, {module}; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr


def test_no_file_is_over_the_ceiling() -> None:
    folders = (*PACKAGES, "benchmarks", "tests", "assets")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in {".py", ".js", ".css"}]
    files = [path for path in files if "node_modules" not in path.parts]
    long = {str(path.relative_to(ROOT)): count for path in files if (count := lines(path)) > CEILING}
    assert long == {}


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize("path", sources(*PACKAGES), ids=lambda path: str(path.relative_to(ROOT)))
def test_module_says_what_it_holds_and_sorts_what_it_offers(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), "the first line of a file says what it holds"
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
                names = ast.literal_eval(node.value)
                assert list(names) == sorted(names, key=rank)


def rank(name: str) -> tuple[int, str]:
    """CONSTANTS, then Classes, then functions, each by the alphabet: the order that ruff keeps."""
    kind = 0 if re.fullmatch(r"[A-Z][A-Z0-9_]*", name) and len(name) > 1 else 1 if name[:1].isupper() else 2
    return kind, name


def readme_tree() -> set[str]:
    """The paths that the README's tree lists; a line's indentation says which folder it is in."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    paths: set[str] = set()
    folders: list[tuple[int, str]] = []
    for line in readme.split("## The tree", 1)[1].split("```")[1].splitlines():
        if not line.strip():
            continue
        indent, name = len(line) - len(line.lstrip()), line.split()[0]
        while folders and folders[-1][0] >= indent:
            folders.pop()
        path = (folders[-1][1] if folders else "") + name
        paths.add(path)
        if name.endswith("/"):
            folders.append((indent, path))
    return paths


def test_readme_tree_lists_every_python_file_and_no_other() -> None:
    listed = {path for path in readme_tree() if path.endswith(".py")}
    there = {str(path.relative_to(ROOT)) for path in sources(*PACKAGES, "benchmarks") if path.name != "__init__.py"}
    there |= {path.name for path in ROOT.glob("*.py")}
    assert sorted(there - listed) == [], "files that the README's tree lacks"
    assert sorted(listed - there) == [], "files that are gone"


def test_nothing_names_a_machine_of_ours() -> None:
    private = re.compile(r"/" r"work/|/" r"root/|\.\./" r"shared")
    found = [
        str(path.relative_to(ROOT))
        for folder in (*PACKAGES, "docs", "benchmarks")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".md", ".yaml"} and private.search(path.read_text(encoding="utf-8"))
    ]
    assert found == []
