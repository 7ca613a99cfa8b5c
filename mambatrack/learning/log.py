"""log.csv and curve.png: how a training went."""

import csv
from pathlib import Path

from mambatrack.csv_text import csv_text
from mambatrack.errors import MambatrackError
from mambatrack.files import replacing, write_text


class Log:
    """log.csv: a row for each checkpoint; rows after the step that a training resumes from are
    dropped. Raises MambatrackError for a file that is no such log."""

    def __init__(self, path: Path, done: int):
        self.path = path
        self.rows = [row for row in _read(path) if int(row["step"]) <= done] if done else []

    def add(self, step: int, values: dict[str, float]) -> None:
        """The file is replaced by one that has this row too."""
        row = {name: f"{value:.6g}" for name, value in values.items()}
        self.rows.append({"step": str(step), **row})
        names = list(self.rows[-1])
        text = csv_text([names, *([row.get(name) for name in names] for row in self.rows)])
        write_text(self.path, text)

    def draw(self, picture: Path) -> bool:
        """The losses, and with them the errors that validation measured, over the steps as a PNG;
        False where there is no row or no matplotlib."""
        if not self.rows:
            return False
        try:
            from matplotlib.figure import Figure
        except ImportError:
            return False
        names = list(self.rows[-1])
        errors = [name for name in names if name.startswith("error_")]
        figure = Figure(figsize=(8 if errors else 4.5, 3), layout="constrained")
        left, *right = figure.subplots(1, 2 if errors else 1, squeeze=False)[0]
        for axes, drawn, label in [
            (left, [name for name in names if name in ("loss", "validation")], "loss"),
            *[(each, errors, "error / that of the simplest guess") for each in right],
        ]:
            for name in drawn:
                axes.plot(self._column("step"), self._column(name), label=name)
            axes.set(xlabel="step", ylabel=label)
            axes.legend()
        for each in right:
            each.axhline(1, color="grey", linestyle=":")
        with replacing(picture) as temporary:
            figure.savefig(temporary, format="png")
        return True

    def _column(self, name: str) -> list[float]:
        return [float(row.get(name) or "nan") for row in self.rows]


def _read(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        for row in rows:
            int(row["step"]), [float(value) for value in row.values()]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, LookupError, TypeError, csv.Error) as error:
        raise MambatrackError(
            f"{path} is no log of a training ({error}); move it away to go on"
        ) from None
    return rows
