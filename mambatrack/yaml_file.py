"""YAML as settings need it: plain values, no key twice, and one line for whatever is wrong."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mambatrack.errors import MambatrackError, reason_of, shown

LARGEST = 1 << 20  # bytes of a file of settings
LONGEST = 1 << 10  # bits of a whole number


def read_yaml(path: Path) -> Mapping[str, Any]:
    """The mapping in a file, {} in an empty one. Raises MambatrackError with file and line."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise MambatrackError(f"{path} is no file of settings: it is larger than 1 MiB")
        text = content.decode("utf-8-sig")
    except (UnicodeDecodeError, OSError) as error:
        raise MambatrackError(f"{path} is not readable YAML: {reason_of(error)}") from None
    try:
        values = parse_yaml(text)
    except MambatrackError as error:
        raise MambatrackError(f"{path} is not readable YAML: {error}") from None
    if values is None:
        return {}
    if not isinstance(values, Mapping):
        raise MambatrackError(
            f"{path}: expected sections such as 'tracker:', found {shown(values)}"
        )
    return values


def parse_yaml(text: str) -> Any:
    """The plain value of a text. Raises MambatrackError with the line."""
    import yaml

    loader = yaml.SafeLoader("")
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _check(loader, node, set())
        return loader.construct_document(node)
    except RecursionError:
        raise MambatrackError("it is nested too deeply; settings have two levels") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = ", ".join(filter(None, (error.context, error.problem)))
        raise MambatrackError(f"{_line(mark)}{said}") from None
    except yaml.YAMLError as error:
        raise MambatrackError(str(error).splitlines()[0]) from None
    finally:
        loader.dispose()


def _check(loader: Any, node: Any, seen: set[int]) -> None:
    """Refuses a key that is given twice, and a scalar that is not what its form or tag says."""
    import yaml

    if id(node) in seen:  # an alias
        return
    seen.add(id(node))
    if isinstance(node, yaml.ScalarNode):
        _check_scalar(loader, node)
        return
    lines: dict[Any, int] = {}
    for item in node.value:
        key, value = item if isinstance(node, yaml.MappingNode) else (None, item)
        if isinstance(key, yaml.ScalarNode):
            line = key.start_mark.line + 1
            if (key.tag, key.value) in lines:
                raise MambatrackError(
                    f"line {line}: {shown(key.value)} is given twice, first in line "
                    f"{lines[key.tag, key.value]}; give it once"
                )
            lines[key.tag, key.value] = line
            _check_scalar(loader, key)
        _check(loader, value, seen)


def _check_scalar(loader: Any, node: Any) -> None:
    # PyYAML's own constructors raise these for a number or a date that is none
    wrong = (ValueError, LookupError, TypeError, AttributeError, OverflowError)
    if node.tag == "tag:yaml.org,2002:merge":
        return
    try:
        value = loader.construct_object(node)
        if isinstance(value, int) and value.bit_length() > LONGEST:
            raise ValueError
    except wrong:
        raise MambatrackError(
            f"{_line(node.start_mark)}{shown(node.value)} is not a value that can be read"
        ) from None


def _line(mark: Any) -> str:
    return "" if mark is None else f"line {mark.line + 1}: "
