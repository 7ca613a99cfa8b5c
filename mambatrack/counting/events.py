"""What happens at lines and zones, as plain records and as files."""

from dataclasses import asdict, dataclass, fields
from pathlib import Path

from mambatrack.csv_text import csv_text
from mambatrack.outputs.lines import jsonl_line
from mambatrack.outputs.text import OutputFile, open_output


@dataclass(frozen=True)
class Event:
    """One identity at one place.

    event: crossing, enter, leave, exchange (two identities were taken for each other, and what
        is known of the places of either is the other's from here on), or return (a memory knows
        somebody again, who was taken for somebody new)
    place: name of the line or zone; id; label: class at that time;  class_name: its name
    direction: in or out, of a crossing;  frame: number in the source, time_s: seconds, of the
        moment on the way from one box to the next
    dwell_s: seconds in the zone, of a leave
    filled: it happened while nobody saw the object, on the path that fills its gap
    whole: False of an enter where the track began in the zone, and of a leave where it ended there
    other: the other id of an exchange; of a return, the id until then
    """

    event: str
    place: str
    id: int
    label: int
    class_name: str
    direction: str | None
    frame: int
    time_s: float | None
    dwell_s: float | None = None
    filled: bool = False
    whole: bool = True
    other: int | None = None


COLUMNS = tuple(field.name for field in fields(Event))


class EventWriter:
    """Events into a file, each one whole: JSON Lines, or CSV where the name ends in .csv."""

    def __init__(self, path: str | Path, overwrite: bool = False):
        self._as_csv = str(path).lower().endswith(".csv")
        self._file: OutputFile = open_output(path, overwrite)
        if self._as_csv:
            self._file.append(csv_text([COLUMNS]))

    def write(self, event: Event) -> None:
        values = asdict(event)
        for name in ("time_s", "dwell_s"):
            values[name] = None if values[name] is None else round(values[name], 4)
        self._file.append(csv_text([values.values()]) if self._as_csv else jsonl_line(values))

    def close(self) -> None:
        self._file.close()
