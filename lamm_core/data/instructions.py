"""Instruction data on disk: LAMM's JSON in and out, and Parquet as the hub stores it, as `Sample`s.

Does not know prompts, tokens or encoders; media are paths and are not opened here.

A LAMM record: ``id``, ``image`` or ``pcl`` (a path or a list of paths; any other modality under its name),
``conversations`` of ``{from: human | gpt, value}``, ``task_type``, and the source as ``src_image`` (2D) or
``src_dataset`` and ``src_id`` (3D). Further keys are kept in the sample's metadata.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Generator, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from lamm_core.conversation import Media, Role, Sample, Turn
from lamm_core.errors import DataError
from lamm_core.modalities import MODALITIES

__all__ = ["HUB_PREFIX", "read_samples", "write_records"]

HUB_PREFIX = "hub:"
LAMM_KEYS = {"pointcloud": "pcl"}  # what LAMM's records call a modality, where that is not its name
KEYS = {LAMM_KEYS.get(one.name, one.name): one.name for one in MODALITIES}  # key of the record -> modality
PLACEHOLDERS = {one.name: one.placeholder for one in MODALITIES}
_PLACEHOLDER = re.compile("|".join(PLACEHOLDERS.values()))
_LAMM_ROLES: Mapping[str, Role] = {"human": "user", "gpt": "assistant"}
_CHAT_ROLES: Mapping[str, Role] = {"user": "user", "assistant": "assistant", "system": "system"}
_OWN_KEYS = frozenset(
    (*KEYS, "id", "images", "point_clouds", "conversations", "messages", "target", "src_image", "src_dataset", "src_id")
)
_CHUNK = 1 << 20
_SIGNATURES = {b"\x89PNG": ".png", b"\xff\xd8\xff": ".jpg", b"GIF8": ".gif", b"RIFF": ".webp", b"BM": ".bmp"}


def read_samples(
    source: Path | str, *, media_root: Path | None = None, split: str = "train"
) -> Generator[Sample, None, None]:
    """Samples of a ``.json``, ``.jsonl`` or ``.parquet`` file, or of ``hub:owner/name``, one at a time.

    Relative media paths start at ``media_root``, by default the folder of the file; pictures inside Parquet are
    written there once, named by their content. Raises DataError naming the file and the record's index.
    """
    text = str(source)
    if not text.startswith(HUB_PREFIX) and not Path(source).is_file():
        raise DataError(f"The data {source} are not there. Put the file back, or name another one.")
    if text.startswith(HUB_PREFIX) or text.endswith(".parquet"):
        return _read_rows(text, media_root, split)
    return _read_json(Path(source), media_root or Path(source).parent)


def write_records(samples: Iterable[Sample], path: Path, *, media_root: Path | None = None) -> int:
    """Write samples as a LAMM JSON array and return how many. Media under ``media_root`` get relative paths."""
    temporary = path.with_name(path.name + ".partial")
    count = 0
    with temporary.open("w", encoding="utf-8") as file:
        file.write("[")
        for count, sample in enumerate(samples, start=1):
            record = json.dumps(_record(sample, media_root), ensure_ascii=False)
            file.write((",\n" if count > 1 else "\n") + record)
        file.write("\n]\n")
    os.replace(temporary, path)
    return count


def _read_json(path: Path, media_root: Path) -> Generator[Sample, None, None]:
    for index, record in enumerate(_objects(path)):
        place = _Place(path.name, index)
        if not isinstance(record, dict):
            raise place("this is not an object with keys and values.")
        listed = [
            Media(modality, media_root / name)
            for key, modality in KEYS.items()
            for name in _names(record.get(key), key, place)
        ]
        turns = _lamm_turns(record.get("conversations"), place)
        yield _sample(record, _place_media(turns, listed, place), f"{path.stem}-{index}")


class _Place:
    """Where a record stands; called with what is wrong, it gives the error to raise."""

    def __init__(self, file: str, index: int) -> None:
        self.file = file
        self.index = index

    def __call__(self, problem: str) -> DataError:
        return DataError(f"{self.file}, record {self.index}: {problem}")


def _objects(path: Path) -> Iterator[Any]:
    """The values of a JSON array, or of JSON lines, without holding the file in memory."""
    decoder = json.JSONDecoder()
    buffer, position, wanted, index = "", 0, 0, 0
    separators = " \t\r\n,[\ufeff"
    with path.open(encoding="utf-8") as file:
        while True:
            chunk = file.read(max(_CHUNK, wanted))
            buffer, position = buffer[position:] + chunk, 0
            while True:
                while position < len(buffer) and buffer[position] in separators:
                    position += 1
                if position >= len(buffer):
                    break
                if buffer[position] == "]":
                    if buffer[position + 1 :].strip() or file.read(1).strip():
                        raise DataError(f"{path.name}: there is more text after the array's closing bracket.")
                    return
                try:
                    value, position = decoder.raw_decode(buffer, position)
                except json.JSONDecodeError as error:
                    if not chunk:
                        raise DataError(f"{path.name}, record {index}: not valid JSON ({error.msg}).") from error
                    break  # the record goes on in the next chunk
                yield value
                index += 1
            if not chunk:
                return
            wanted = len(buffer) - position  # a record longer than a chunk: doubling keeps the work linear


def _names(value: Any, key: str, place: _Place) -> list[str]:
    names = [] if value is None else [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise place(f"{key!r} is neither a path nor a list of paths.")
    return names


def _lamm_turns(value: Any, place: _Place) -> list[Turn]:
    if not isinstance(value, list) or not value:
        raise place("'conversations' is missing or empty.")
    turns = []
    for number, turn in enumerate(value):
        role, text = (turn.get("from"), turn.get("value")) if isinstance(turn, dict) else (None, None)
        if not isinstance(role, str) or role not in _LAMM_ROLES:
            raise place(f"turn {number} is from {role!r}; known are 'human' and 'gpt'.")
        if not isinstance(text, str):
            raise place(f"turn {number} has no text in 'value'.")
        turns.append(Turn(_LAMM_ROLES[role], text.replace("<pcl>", PLACEHOLDERS["pointcloud"])))
    _check_order(turns, place, {"user": "human", "assistant": "gpt", "system": "system"})
    return turns


def _check_order(turns: list[Turn], place: _Place, names: Mapping[str, str]) -> None:
    spoken = turns[1:] if turns and turns[0].role == "system" else turns
    for number, turn in enumerate(spoken):
        expected: Role = "assistant" if number % 2 else "user"
        if turn.role != expected:
            where = number + len(turns) - len(spoken)
            raise place(
                f"turn {where} is from {names[turn.role]!r} where {names[expected]!r} is expected: they alternate."
            )


def _place_media(turns: list[Turn], media: list[Media], place: _Place) -> tuple[Turn, ...]:
    """Give each turn its media: by its placeholders, or all to the first user turn where there is none."""
    if not media:
        return tuple(turns)
    first = next(index for index, turn in enumerate(turns) if turn.role == "user")
    marked = sum(len(_PLACEHOLDER.findall(turn.text)) for turn in turns if turn.role == "user")
    if not marked:
        turns[first] = Turn("user", turns[first].text, tuple(media))
        return tuple(turns)
    if marked != len(media):
        raise place(f"the text has {marked} placeholders and the record lists {len(media)} media.")
    waiting = {
        mark: [medium for medium in media if PLACEHOLDERS[medium.modality] == mark] for mark in PLACEHOLDERS.values()
    }
    for index, turn in enumerate(turns):
        if turn.role != "user":
            continue
        taken = []
        for mark in _PLACEHOLDER.findall(turn.text):
            if not waiting[mark]:
                raise place(f"the text has more {mark} placeholders than the record lists.")
            taken.append(waiting[mark].pop(0))
        turns[index] = Turn("user", _strip_own_lines(turn.text), tuple(taken))
    return tuple(turns)


def _strip_own_lines(text: str) -> str:
    """LAMM's habit: placeholders on lines of their own before or after the text say no more than none at all."""
    lines = text.split("\n")
    own = [bool(_PLACEHOLDER.fullmatch(line.strip())) for line in lines]
    if sum(own) != len(_PLACEHOLDER.findall(text)):
        return text
    kept = [line for line, is_own in zip(lines, own, strict=True) if not is_own]
    leading = own[: sum(own)] == [True] * sum(own)
    trailing = sum(own) == 1 and own[-1]
    return "\n".join(kept) if leading or trailing else text


def _sample(record: Mapping[str, Any], turns: tuple[Turn, ...], fallback_id: str) -> Sample:
    metadata = {key: value for key, value in record.items() if key not in _OWN_KEYS and value is not None}
    metadata["task_type"] = record.get("task_type") or "normal"
    if source := record.get("src_dataset") or record.get("src_image"):
        metadata["source_dataset"] = source
    if record.get("src_id") is not None:
        metadata["source_id"] = record["src_id"]
    identity = record.get("id")
    return Sample(fallback_id if identity is None else str(identity), turns, record.get("target"), metadata)


def _record(sample: Sample, media_root: Path | None) -> dict[str, Any]:
    def name(path: Path) -> str:
        inside = media_root is not None and path.is_relative_to(media_root)
        return (path.relative_to(media_root) if inside and media_root else path).as_posix()

    record: dict[str, Any] = {"id": sample.id}
    for key, modality in KEYS.items():
        names = [name(medium.path) for medium in sample.media if medium.modality == modality]
        if names:
            record[key] = names[0] if len(names) == 1 else names
    modalities = {medium.modality for medium in sample.media}
    plain = len(modalities) < 2 and all(not turn.media for turn in sample.turns if turn is not _first_user(sample))
    conversations = []
    for turn in sample.turns:
        if turn.role == "system":
            raise DataError(f"Sample {sample.id}: LAMM's JSON has no place for a system turn; leave it to the recipe.")
        text = turn.text
        if turn.media and not plain and not _PLACEHOLDER.search(text):
            text = "".join(PLACEHOLDERS[medium.modality] + "\n" for medium in turn.media) + text
        text = text.replace(PLACEHOLDERS["pointcloud"], "<pcl>") if turn.media else text
        conversations.append({"from": "human" if turn.role == "user" else "gpt", "value": text})
    record["conversations"] = conversations
    metadata = dict(sample.metadata)
    record["task_type"] = metadata.pop("task_type", "normal")
    source, source_id = metadata.pop("source_dataset", None), metadata.pop("source_id", None)
    if source is not None:
        record["src_dataset" if "pcl" in record or source_id is not None else "src_image"] = source
    if source_id is not None:
        record["src_id"] = source_id
    if sample.target is not None:
        record["target"] = sample.target
    return record | metadata


def _first_user(sample: Sample) -> Turn | None:
    return next((turn for turn in sample.turns if turn.role == "user"), None)


# Parquet, as the hub stores it.


def _read_rows(source: str, media_root: Path | None, split: str) -> Generator[Sample, None, None]:
    import datasets  # heavy, and only wanted here

    if source.startswith(HUB_PREFIX):
        rows = _of_hub(source.removeprefix(HUB_PREFIX), split)
        name, folder = source.removeprefix(HUB_PREFIX), media_root
    else:
        loaded = datasets.load_dataset("parquet", data_files={split: source}, split=split, streaming=True)  # nosec B615
        rows = loaded.decode(False)
        name, folder = Path(source).name, media_root or Path(source).parent
    if folder is None:
        raise DataError(f"{source}: give media_root, the folder that the pictures of a hub data set are written to.")
    for index, row in enumerate(rows):
        place = _Place(name, index)
        pictures = row.get("images") if row.get("images") is not None else row.get("image")
        listed = pictures if isinstance(pictures, list) else [] if pictures is None else [pictures]
        media = [Media("image", _medium_path(picture, folder, place)) for picture in listed]
        clouds = row.get("point_clouds") or []
        media += [Media("pointcloud", _medium_path(cloud, folder, place)) for cloud in clouds]
        turns = _row_turns(row, place)
        record = {key: value for key, value in row.items() if key not in ("question", "answer")}
        yield _sample(record, _place_media(turns, media, place), f"{Path(name).stem}-{index}")


def _of_hub(name: str, split: str) -> Iterator[Any]:
    """The rows of a data set of the Hub, fetched as they are read. Raises DataError saying what to look at."""
    import datasets
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError

    try:
        yield from datasets.load_dataset(name, split=split, streaming=True).decode(False)  # nosec B615 - data
    except (httpx2.HTTPError, HfHubHTTPError, OSError, ValueError) as error:
        raise DataError(
            f"{name} could not be read from the Hub ({type(error).__name__}: {str(error)[:200]}). Check the network, "
            f"the name OWNER/NAME and whether it has a split {split!r}; for a private one set HF_TOKEN."
        ) from error


def _medium_path(medium: Any, folder: Path, place: _Place) -> Path:
    if isinstance(medium, str):
        return folder / medium
    if not isinstance(medium, dict) or not (medium.get("bytes") or medium.get("path")):
        raise place("a picture or cloud is neither a path nor bytes.")
    content = medium.get("bytes")
    if not content:
        return folder / str(medium["path"])
    digest = hashlib.sha256(content).hexdigest()
    named = Path(str(medium.get("path") or "")).suffix.lower() or ".img"
    suffix = next((suffix for start, suffix in _SIGNATURES.items() if content.startswith(start)), named)
    target = folder / "media" / digest[:2] / (digest + suffix)
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
        partial.write_bytes(content)
        os.replace(partial, target)
    return target


def _row_turns(row: Mapping[str, Any], place: _Place) -> list[Turn]:
    for column in ("conversations", "messages"):
        if row.get(column) is not None:
            return _any_turns(row[column], place)
    if isinstance(row.get("question"), str) and isinstance(row.get("answer"), str):
        return [Turn("user", row["question"]), Turn("assistant", row["answer"])]
    raise place(f"none of the columns conversations, messages, question and answer; there are {', '.join(row)}.")


def _any_turns(value: Any, place: _Place) -> list[Turn]:
    if isinstance(value, list) and value and isinstance(value[0], dict) and "from" in value[0]:
        return _lamm_turns(value, place)
    if not isinstance(value, list) or not value:
        raise place("the conversation is empty.")
    turns = []
    for number, message in enumerate(value):
        role = message.get("role") if isinstance(message, dict) else None
        if not isinstance(role, str) or role not in _CHAT_ROLES:
            raise place(f"message {number} has the role {role!r}; known are {', '.join(_CHAT_ROLES)}.")
        turns.append(Turn(_CHAT_ROLES[role], _message_text(message.get("content"), number, place)))
    _check_order(turns, place, {role: role for role in _CHAT_ROLES})
    return turns


def _message_text(content: Any, number: int, place: _Place) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise place(f"message {number} has no text.")
    texts = [PLACEHOLDERS["image"] if part.get("type") == "image" else str(part.get("text") or "") for part in content]
    return "\n".join(texts)
