"""How the code is laid out, in numbers; a column for each checkout that is named.

    python tests/house.py [CHECKOUT ...]

Imports in functions and for types only count as all others do. mambatrack/__init__.py, which loads
what users import from it, is left out of levels and circles.
"""

import ast
import os
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

import grimp
import networkx as nx

ROOT = Path(__file__).parents[1]
PARTS = ("mambatrack", "kernels", "detectors", "configs")  # the last three install below the first


def source_files(checkout: Path) -> list[Path]:
    """Every module of the package, once: links are not followed."""
    return sorted(
        Path(folder, name)
        for part in PARTS
        for folder, _, names in os.walk(checkout / part)
        for name in names
        if name.endswith(".py")
    )


def imports(checkout: Path) -> grimp.ImportGraph:
    """Who imports whom in this checkout, whichever one is installed."""
    sys.path.insert(0, str(checkout))
    try:
        return grimp.build_graph("mambatrack", cache_dir=None)
    finally:
        sys.path.pop(0)


def of_modules(graph: grimp.ImportGraph) -> nx.DiGraph:
    arrows: nx.DiGraph = nx.DiGraph()
    arrows.add_nodes_from(graph.modules - {"mambatrack"})
    for module in arrows:
        imported = graph.find_modules_directly_imported_by(module) - {"mambatrack"}
        arrows.add_edges_from((module, each) for each in imported)
    return arrows


def of_folders(modules: nx.DiGraph) -> nx.DiGraph:
    """The same between the folders and files directly below mambatrack."""
    names = {module: module.split(".")[1] for module in modules}
    arrows: nx.DiGraph = nx.DiGraph()
    arrows.add_nodes_from(names.values())
    pairs = ((names[importer], names[imported]) for importer, imported in modules.edges)
    arrows.add_edges_from(pair for pair in pairs if pair[0] != pair[1])
    return arrows


def levels(arrows: nx.DiGraph) -> int:
    """Nodes on the longest way down; a circle is one node."""
    return int(nx.dag_longest_path_length(nx.condensation(arrows))) + 1


def circles(arrows: nx.DiGraph) -> list[set[str]]:
    return [group for group in nx.strongly_connected_components(arrows) if len(group) > 1]


def function_lengths(files: list[Path]) -> Iterator[int]:
    """Lines from ``def`` to the last one, docstring included."""
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                yield node.end_lineno - node.lineno + 1


def without_a_test(checkout: Path) -> list[str]:
    """Modules x/y.py for which tests/ has neither test_x_y.py nor test_y.py."""
    tests = {path.stem for path in (checkout / "tests").glob("test_*.py")}
    missing = []
    for path in source_files(checkout):
        *folders, name = path.relative_to(checkout).with_suffix("").parts
        words = [each for each in folders if each != "mambatrack"] + [name]
        names = {"_".join(["test", *words[start:]]) for start in range(len(words))}
        if not name.startswith("__") and not names & tests:
            missing.append("/".join(words))
    return missing


def without_an_assertion(checkout: Path) -> list[str]:
    """Tests, as file:line name, that nothing but an exception of what they call can fail."""
    return [
        f"{path.name}:{node.lineno} {node.name}"
        for path in sorted((checkout / "tests").glob("test_*.py"))
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test")
        if not any(map(_asserts, ast.walk(node)))
    ]


def _asserts(node: ast.AST) -> bool:
    """Whether it is an assert, or a call of raises(), warns() or assert_...()."""
    if not isinstance(node, ast.Call):
        return isinstance(node, ast.Assert)
    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
    return name in ("raises", "warns") or name.startswith("assert_")


def measures(checkout: Path) -> dict[str, str]:
    """The measures of a checkout by their names."""
    files, graph = source_files(checkout), imports(checkout)
    modules = of_modules(graph)
    lengths = sorted(function_lengths(files))
    sizes = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    largest = max(sizes, key=sizes.__getitem__)
    return {
        "folders with modules": f"{len({path.parent for path in files})}",
        "modules": f"{len(files)}",
        "levels of folders": f"{levels(of_folders(modules))}",
        "levels of modules": f"{levels(modules)}",
        "circles of modules": f"{len(circles(modules))}",
        "circles of folders": f"{len(circles(of_folders(modules)))}",
        "imports upwards": f"{len(graph.nominate_cycle_breakers('mambatrack'))}",
        "functions": f"{len(lengths)}",
        "lines of a function: median": f"{statistics.median(lengths):g}",
        "lines of a function: 90 % have at most": f"{lengths[int(0.9 * len(lengths))]}",
        "lines of a function: most": f"{lengths[-1]}",
        "lines of a file: most": f"{sizes[largest]} ({largest.relative_to(checkout)})",
        "files of more than 300 lines": f"{sum(lines > 300 for lines in sizes.values())}",
        "modules without a test of their name": f"{len(without_a_test(checkout))}",
    }


def main(checkouts: list[Path]) -> None:
    columns = [measures(checkout) for checkout in checkouts]
    print("| measure |", *(f"{checkout.name} |" for checkout in checkouts))
    print("|---" * (len(columns) + 1) + "|")
    for name in columns[0]:
        print(f"| {name} |", *(f"{column[name]} |" for column in columns))
    print("\nWithout a test of their name:", *without_a_test(checkouts[-1]))


if __name__ == "__main__":
    main([Path(each).resolve() for each in sys.argv[1:]] or [ROOT])
