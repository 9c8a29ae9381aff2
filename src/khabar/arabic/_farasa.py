"""Farasa, the segmenter that AraBERT's v2 models expect, run in Java by way of farasapy.

Farasa itself is no part of farasapy, which fetches it on first use from its makers' server, without checking
the certificate, and puts it into its own folder. Here nothing is fetched: annotating must not open a
connection that nobody asked for, and what came over this one would be run. That is for the user to say, once.
"""

import atexit
import os
import shutil
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import Any

from khabar.errors import KhabarError, MissingExtraError

_JAR = "FarasaSegmenterJar.jar"
_FETCH = 'python -c "from farasa.segmenter import FarasaSegmenter; FarasaSegmenter(cache=False)"'
_NEED = "AraBERT's v2 models read text segmented by Farasa"

_lock = Lock()
# By process, since a fork must not share the pipes to Java. Objects of farasapy, which ships no types.
_running: dict[int, Any] = {}


def segment(line: str) -> str:
    """Return ``line`` with its words cut into morphemes, as Farasa writes them: «و+ال+كتاب».

    The first call starts Java, which then serves this process until it ends. Threads may call at once.

    Args:
        line: One line, not blank.

    Raises:
        MissingExtraError: farasapy, Java or Farasa is not there, or farasapy cannot start it.
        KhabarError: Farasa gave no answer.
    """
    with _lock:
        segmenter = _running.get(os.getpid())
        if segmenter is None:
            segmenter = _running[os.getpid()] = _start()
        try:
            segmented = str(segmenter.segment(line)).strip()
        except Exception as error:  # farasapy raises nothing more particular
            _stop()
            raise KhabarError(f"Farasa failed on {line[:40]!r} ({type(error).__name__}: {error}).") from error
        # What farasapy reads from a process that has died is the empty string.
        if not segmented:
            _stop()
            raise KhabarError(
                f"Farasa gave no answer to {line[:40]!r}, so its Java process has probably died: see what "
                f"`java -jar {_jar(type(segmenter))}` says. Java may be too old or short of memory."
            )
        return segmented


def _start() -> Any:  # noqa: ANN401  # farasapy ships no types
    try:
        # By name, so that type checkers do not need the package.
        known = import_module("farasa.segmenter").FarasaSegmenter
        jar = _jar(known)
    except (ImportError, AttributeError) as error:  # the second from another package of the name farasa
        raise MissingExtraError(
            f"{_NEED}, and farasapy cannot be imported ({error}): pip install 'khabar[farasa]'."
        ) from error
    if shutil.which("java") is None:
        raise MissingExtraError(
            f"{_NEED}, which needs Java, and there is no java on the PATH: install a Java runtime, or take a "
            "v02 model, which does without."
        )
    if not jar.is_file():
        raise MissingExtraError(
            f"{_NEED}, which farasapy comes without, and there is no {jar}: copy it there or, with a "
            f"network, have farasapy fetch it: {_FETCH}. Its licence is for research only."
        )
    try:
        # With a path it looks for no other file and fetches none; its cache would keep every text on disk.
        segmenter = known(interactive=True, logging_level="CRITICAL", binary_path=str(jar), cache=False)
    except Exception as error:  # farasapy raises nothing more particular
        raise MissingExtraError(
            f"{_NEED}, and farasapy could not start it ({type(error).__name__}: {error}): see that "
            "`java -version` works, and that farasapy is of version 0.1 or later."
        ) from error
    atexit.register(_stop)
    return segmenter


def _stop() -> None:
    segmenter = _running.pop(os.getpid(), None)
    if segmenter is not None:
        segmenter.terminate()


def _jar(known: Any) -> Path:  # noqa: ANN401  # as above
    return Path(known.bin_dir) / "lib" / _JAR
