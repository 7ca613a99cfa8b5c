"""An Optuna study in an SQLite file, with a record of what its trials depend on."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mambatrack.errors import MambatrackError, MissingExtra
from mambatrack.renamed import as_named_today

NAME = "mambatrack tune"


@contextmanager
def open_study(path: Path, record: dict[str, Any]) -> Iterator[Any]:
    """The study of this record, made where the file is not there; Optuna's log is silent.

    record: plain JSON of two levels. Raises MambatrackError where the file holds another one, and
    for what SQLite says while the study is open.
    """
    try:
        import optuna
        from sqlalchemy.exc import SQLAlchemyError
    except ImportError:
        raise MissingExtra("optuna", "tune", "tuning") from None
    loudness = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        storage = _storage(path)
        try:
            study = optuna.create_study(
                storage=storage, study_name=NAME, direction="maximize", load_if_exists=True
            )
            _check_record(study, path, record)
            yield study
        finally:
            storage.remove_session()
            storage.engine.dispose()
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        raise MambatrackError(f"{path} cannot be used as a study: {_first_line(error)}") from None
    finally:
        optuna.logging.set_verbosity(loudness)


def _storage(path: Path) -> Any:
    import optuna

    try:
        return optuna.storages.RDBStorage(f"sqlite:///{path}")
    except RuntimeError as error:  # a file of another version of Optuna
        raise MambatrackError(f"{path} cannot be used as a study: {_first_line(error)}") from None


def _check_record(study: Any, path: Path, record: dict[str, Any]) -> None:
    before = study.user_attrs.get("settings")
    if before is None:
        study.set_user_attr("settings", record)
    elif as_named_today(before) != record:
        old, new = _flat(as_named_today(before)), _flat(record)
        key = next(key for key in [*new, *old] if old.get(key) != new.get(key))
        raise MambatrackError(
            f"{path} is a study of other settings ({key} was {old.get(key, 'absent')}, is "
            f"{new.get(key, 'absent')}); tune these in another folder"
        )


def _flat(record: dict[str, Any]) -> dict[str, Any]:
    """Dotted keys; a section that is a value itself stays."""
    flat: dict[str, Any] = {}
    for key, value in record.items():
        below = value if isinstance(value, dict) else {}
        flat |= {f"{key}.{name}": each for name, each in below.items()} or {key: value}
    return flat


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
