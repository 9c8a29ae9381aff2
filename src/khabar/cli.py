"""The command line: ``khabar annotate``.

Exit codes: 0 all went well; 1 an input could not be annotated, which leaves the others in the output, or the
output not written; 2 the command itself is wrong, or the model; 130 interrupted; 141 the reader of a pipe
went away.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, Protocol

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from khabar._files import OutputFile, reason
from khabar._inputs import STDIN, Failure, Input, holds_many, read_inputs
from khabar._version import __version__
from khabar.errors import InputError, KhabarError
from khabar.render import (
    Direction,
    csv_header,
    csv_rows,
    error_line,
    jsonl_line,
    printable,
    render_table,
    terminal_direction,
)
from khabar.schema import AnnotatedArticle
from khabar.serve.command import serve

if TYPE_CHECKING:
    from types import FrameType

    from khabar.annotator import Annotator
    from khabar.render.words import Language

_STDOUT_NAMES = {"-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"}
"""Opening the last three anew would cut off what a redirection with ``>>`` is to be added to."""

EXIT_INPUT = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 128 + signal.SIGINT
EXIT_PIPE = 141
"""128 + SIGPIPE, what a shell reports for a program that the closed pipe ended; Windows has no such
signal."""

_WIDTH_WITHOUT_TERMINAL = 100

app = typer.Typer(
    name="khabar",
    help="Tag every sentence of an Arabic news article by what it is to its reader.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    # A bug shows Python's own traceback: short, greppable, without the contents of somebody's article in it.
    pretty_exceptions_enable=False,
)

app.command()(serve)


class Format(StrEnum):
    """What ``khabar annotate`` writes."""

    TABLE = "table"
    JSONL = "jsonl"
    CSV = "csv"
    HTML = "html"


_ENDINGS: Mapping[str, Format] = {
    ".jsonl": Format.JSONL,
    ".csv": Format.CSV,
    ".html": Format.HTML,
    ".txt": Format.TABLE,
}

_OTHER_ENDINGS = frozenset(
    [
        ".json",
        ".ndjson",
        ".tsv",
        ".parquet",
        ".xlsx",
        ".xls",
        ".ods",
        ".doc",
        ".docx",
        ".odt",
        ".rtf",
        ".pdf",
        ".xml",
        ".htm",
        ".gz",
        ".zip",
    ]
)
"""Of formats that are none of ours; under any other name a table is what it is."""


class HtmlLanguage(StrEnum):
    """Language of the words around the articles of an HTML page."""

    AR = "ar"
    EN = "en"


class OnError(StrEnum):
    """What ``khabar annotate`` does about an input that cannot be annotated, besides saying so."""

    SKIP = "skip"
    RECORD = "record"


class Renderer(Protocol):
    """One output format: the text before the first article, that of each article, and that after the last."""

    def opening(self) -> str:
        """Return what stands at the top, an empty string for nothing."""

    def article(self, article: AnnotatedArticle, source: str) -> str:
        """Return the text of one article, its last newline included."""

    def closing(self) -> str:
        """Return what stands at the bottom, an empty string for nothing."""


class _Jsonl:
    def opening(self) -> str:
        return ""

    def article(self, article: AnnotatedArticle, source: str) -> str:
        return jsonl_line(article, source)

    def closing(self) -> str:
        return ""


class _Csv:
    def opening(self) -> str:
        return csv_header()

    def article(self, article: AnnotatedArticle, source: str) -> str:
        return csv_rows(article, source)

    def closing(self) -> str:
        return ""


class _Table:
    """Tables one after the other, laid out for the terminal when that is where they go."""

    def __init__(self, *, to_stdout: bool) -> None:
        terminal = to_stdout and _is_terminal(sys.stdout)
        self._direction = terminal_direction(os.environ) if terminal else Direction.PLAIN
        # Rich finds out about NO_COLOR, FORCE_COLOR, TERM and the width of a terminal.
        self._console = Console(
            color_system="auto" if to_stdout else None,
            width=None if terminal or "COLUMNS" in os.environ else _WIDTH_WITHOUT_TERMINAL,
        )
        self._first = True

    def opening(self) -> str:
        return ""

    def article(self, article: AnnotatedArticle, source: str) -> str:
        gap = "" if self._first else "\n"
        self._first = False
        return gap + render_table(article, source, self._console, self._direction)

    def closing(self) -> str:
        return ""


class _Html:
    """One page, whatever the number of articles."""

    def __init__(self, language: Language) -> None:
        # Here, not above: the templates' library is for this format alone.
        from khabar.render import html

        self._html = html
        self._language: Language = language
        self._number = 0

    def opening(self) -> str:
        return self._html.html_opening(self._language)

    def article(self, article: AnnotatedArticle, source: str) -> str:
        self._number += 1
        return self._html.html_article(article, source, self._language, self._number)

    def closing(self) -> str:
        return self._html.html_closing()


class Sink(Protocol):
    """Where the output goes."""

    def write(self, data: bytes) -> None:
        """Write the next bytes."""

    def commit(self) -> None:
        """Make what was written final."""


class _Stdout:
    """Standard output, in UTF-8 whatever the locale; each article is passed on as soon as it is done."""

    def write(self, data: bytes) -> None:
        # Python has no stream at all where the shell closed it, whatever its type says.
        if sys.stdout is None:
            raise OSError(errno.EBADF, "standard output is closed")
        if _is_terminal(sys.stdout):
            # A console knows its own encoding; what it cannot show becomes a question mark, not a traceback.
            encoding = sys.stdout.encoding or "utf-8"
            sys.stdout.write(data.decode("utf-8").encode(encoding, "replace").decode(encoding))
        else:
            # Without a buffer (PYTHONUNBUFFERED) a write may take a part and return how much that was.
            rest = memoryview(data)
            while rest:
                taken = sys.stdout.buffer.write(rest)
                if taken is None:
                    raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
                rest = rest[taken:]
        sys.stdout.flush()

    def commit(self) -> None:
        sys.stdout.flush()


class _Journal:
    """What the user is told on standard error, and how many inputs there were and failed."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.inputs = 0
        self.failed = 0

    def failure(self, failure: Failure) -> None:
        """Report an input that is left out."""
        self.failed += 1
        self.say(failure.message)

    def say(self, message: str) -> None:
        """Print one line; file names in it cannot do anything to the terminal."""
        self._console.print(
            f"khabar: {printable(message)}", soft_wrap=True, highlight=False, markup=False, emoji=False
        )


class _UsageError(Exception):
    """The command is wrong; the message says how."""


class _OutputError(Exception):
    """The output cannot be written; the message is the system's reason."""


@contextmanager
def _writing() -> Iterator[None]:
    """Tell an error of the output from any other error of the system; a closed pipe stays what it is."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _OutputError(reason(error)) from error


def load_annotator(
    model: str | None,
    *,
    threads: int | None = None,
    min_score: float | None = None,
    error_rate: float | None = None,
) -> Annotator:
    """Load the model that the command uses; None for the built-in one. The others are `Annotator`'s options.

    Raises:
        khabar.errors.KhabarError: If it is no complete khabar model, or an option does not fit it.
    """
    # Here, not above: ONNX Runtime takes longer to import than --help takes to print.
    from khabar.annotator import Annotator

    if model is None:
        return Annotator(threads=threads, min_score=min_score, error_rate=error_rate)
    return Annotator.from_pretrained(model, threads=threads, min_score=min_score, error_rate=error_rate)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"khabar {__version__}")
        raise typer.Exit


@app.callback()
def _khabar(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop."),
    ] = False,
) -> None:
    pass


@app.command(
    epilog="Exit code 0: all annotated; 1: an input or the output failed; 2: wrong command or model.",
)
def annotate(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE",
            help="Articles, one a file, plain text in UTF-8; [bold]-[/] for standard input. "
            "In [bold].jsonl[/] and [bold].jsonl.gz[/] one a line, with the keys [bold]text[/], "
            "[bold]title[/] and [bold]id[/].",
        ),
    ],
    format_: Annotated[
        Format | None,
        typer.Option(
            "--format",
            "-f",
            help="[bold]table[/] to read, [bold]jsonl[/] with one article a line, "
            "[bold]csv[/] with one sentence a row, [bold]html[/] as a page to look at and print."
            "  [dim]default: what --output ends in, else table[/]",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write here, not to standard output. The file appears at the end, whole or not at all.",
            show_default=False,
        ),
    ] = None,
    title: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="The headline, when the file holds only the body. For a single article.",
            show_default=False,
        ),
    ] = None,
    language: Annotated[
        HtmlLanguage,
        typer.Option(help="Of the names of the labels with [bold]--format html[/]."),
    ] = HtmlLanguage.AR,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER|HUB_ID",
            help="A saved khabar model: a folder, or a name on the Hugging Face hub."
            "  [dim]default: the built-in model, offline[/]",
            show_default=False,
        ),
    ] = None,
    workers: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=1,
            help="Processes that annotate, for many articles; they share the model's memory.",
        ),
    ] = 1,
    threads: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Threads to compute with, in each worker.  [dim]default: as many as there are cores, one in "
            "each of several workers[/]",
            show_default=False,
        ),
    ] = None,
    on_error: Annotated[
        OnError,
        typer.Option(
            "--errors",
            help="What the output holds of a file that cannot be annotated: nothing ([bold]skip[/]) or, with "
            "--format jsonl, a line that says why ([bold]record[/]).",
        ),
    ] = OnError.SKIP,
    min_score: Annotated[
        float | None,
        typer.Option(
            metavar="P",
            min=0,
            max=1,
            help="Leave a sentence without a label when its most probable one has less than this probability,"
            " 0 to 1.",
            show_default=False,
        ),
    ] = None,
    error_rate: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            min=0,
            max=1,
            help="Add to each sentence the set of labels that misses the right one in at most this share of"
            " sentences, such as 0.1. With --format jsonl.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Tag every sentence of one or more articles.

    A file that cannot be read is named and left out; the others are annotated all the same, and the exit code
    is 1.

    [bold]Examples[/]

    khabar annotate article.txt

    khabar annotate news/*.txt --format jsonl --output annotations.jsonl

    khabar annotate archive.jsonl --output annotations.jsonl

    pbpaste | khabar annotate - --title "مقتل ثلاثة أشخاص في حادث سير"

    khabar annotate news/*.txt --format csv --model ./my-model > annotations.csv

    khabar annotate news/*.txt --output annotations.html
    """
    errors = Console(stderr=True)
    journal = _Journal(errors)
    if str(output) in _STDOUT_NAMES:
        output = None
    chosen = format_ or _format_of(output)
    problem = _usage_problem(files, output, title, chosen)
    if problem or chosen is None:
        journal.say(problem or "")
        raise typer.Exit(EXIT_USAGE)
    if on_error is OnError.RECORD and chosen is not Format.JSONL:
        journal.say(
            f"--errors record adds lines of JSON, which {chosen} cannot hold; use --format jsonl with it"
        )
        raise typer.Exit(EXIT_USAGE)
    if error_rate is not None and chosen is not Format.JSONL:
        journal.say(f"--error-rate adds label sets, which {chosen} does not hold; use --format jsonl with it")
        raise typer.Exit(EXIT_USAGE)
    asked = {"threads": threads, "min_score": min_score, "error_rate": error_rate}
    options: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
    try:
        with ExitStack() as stack:
            # Opened before the model is loaded: a folder that cannot be written to is said at once.
            with _writing():
                sink: Sink = _Stdout() if output is None else stack.enter_context(OutputFile(output))
            try:
                annotator = load_annotator(model, **options)
            except InputError as error:  # of an option, not of an article
                raise _UsageError(str(error)) from error
            # How many articles a file of many holds is known when it has been read.
            total = None if any(map(holds_many, files)) else len(files)
            step = stack.enter_context(_progress(total, errors, output))
            read = read_inputs(files, title)
            found = annotate_inputs(annotator, read, workers)
            done = _write(found, _renderer(chosen, output, language), sink, journal, step, on_error)
            if done:
                with _writing():
                    sink.commit()
    except BrokenPipeError:
        _abandon_stdout()
        raise typer.Exit(EXIT_PIPE) from None
    except KeyboardInterrupt:
        _abandon_stdout()
        journal.say("interrupted" if output is None else f"interrupted; {output} was not written")
        raise typer.Exit(EXIT_INTERRUPTED) from None
    except _OutputError as error:
        _abandon_stdout()
        where = "standard output" if output is None else f"{output}, and nothing was left there"
        journal.say(f"cannot write to {where}: {error}")
        raise typer.Exit(EXIT_INPUT) from None
    except InputError as error:
        journal.say(str(error))
        raise typer.Exit(EXIT_INPUT) from None
    except (KhabarError, _UsageError) as error:
        journal.say(str(error))
        raise typer.Exit(EXIT_USAGE) from None
    if journal.failed:
        kept = "" if done or output is None else f"; {output} was not written"
        if journal.inputs > 1 or kept:
            journal.say(f"{journal.failed} of {journal.inputs} inputs could not be annotated{kept}")
        raise typer.Exit(EXIT_INPUT)


def _usage_problem(
    files: Sequence[str], output: Path | None, title: str | None, chosen: Format | None
) -> str | None:
    """Return what is wrong with the command as given, in one sentence, or None."""
    if title is not None and len(files) > 1:
        return f"--title goes with a single article, and {len(files)} were given"
    if title is not None and holds_many(files[0]):
        return f"--title goes with an article in plain text, and {files[0]} has titles of its own"
    if Counter(files)[STDIN] > 1:
        return f"standard input ({STDIN}) was given more than once, and it can be read once"
    if output is None:
        return None
    if output.is_dir():
        return f"--output {output} is a folder; name a file in it: {output / 'annotations.jsonl'}"
    if not output.parent.is_dir():
        folder = output.parent
        return f"--output {output}: the folder {folder} does not exist; make it first: mkdir -p {folder}"
    if chosen is None:
        endings = ", ".join(_ENDINGS)
        return (
            f"--output {output}: no format goes with the ending {output.suffix}; use one of {endings}, "
            "or say which with --format"
        )
    for name in files:
        if _same_file(name, output):
            which = "standard input" if name == STDIN else name
            return f"--output {output} is the input {which}, which it would overwrite; choose another name"
    return None


def _same_file(name: str, output: Path) -> bool:
    """Tell whether writing to ``output`` would replace an input. Terminals and pipes are not replaced."""
    try:
        if not output.is_file():
            return False
        stat = os.fstat(sys.stdin.fileno()) if name == STDIN else Path(name).stat()
        return os.path.samestat(stat, output.stat())
    except (OSError, ValueError, AttributeError):
        return False  # missing or unreadable, which reading it will say; or no standard input


def _format_of(output: Path | None) -> Format | None:
    """Return the format that goes with the ending of the output's name, None where that is another one."""
    if output is None:
        return Format.TABLE
    ending = (output.suffix or output.name).lower()
    return None if ending in _OTHER_ENDINGS else _ENDINGS.get(ending, Format.TABLE)


def _renderer(chosen: Format, output: Path | None, language: HtmlLanguage) -> Renderer:
    match chosen:
        case Format.JSONL:
            return _Jsonl()
        case Format.CSV:
            return _Csv()
        case Format.TABLE:
            return _Table(to_stdout=output is None)
        case Format.HTML:
            return _Html(language.value)


def _write(
    found: Iterable[tuple[str, AnnotatedArticle | Failure]],
    renderer: Renderer,
    sink: Sink,
    journal: _Journal,
    step: Callable[[], None],
    on_error: OnError,
) -> int:
    """Write each article as soon as it is annotated, and return how many inputs stand in the output."""
    done = 0
    for source, result in found:
        journal.inputs += 1
        if isinstance(result, Failure):
            journal.failure(result)
            text = error_line(source, result.message) if on_error is OnError.RECORD else None
        else:
            with _writing():  # a console touches standard output even where it only renders
                text = renderer.article(result, source)
        if text is not None:
            with _writing():
                sink.write(((renderer.opening() if not done else "") + text).encode("utf-8"))
            done += 1
        step()
    if done and (text := renderer.closing()):
        with _writing():
            sink.write(text.encode("utf-8"))
    return done


def annotate_inputs(
    annotator: Annotator, inputs: Iterator[Input | Failure], workers: int
) -> Iterator[tuple[str, AnnotatedArticle | Failure]]:
    """Annotate a stream of articles; one that fails costs only itself.

    Args:
        annotator: The model.
        inputs: Articles, read as the annotator asks for them, and those that could not be read.
        workers: As for `Annotator.annotate_many`.

    Yields:
        Source and annotated article, or what went wrong, in the order of the inputs.
    """
    # Asked for and not yet yielded: as many as the annotator looks ahead, and failures between them.
    waiting: deque[Input | Failure] = deque()

    def hand_over() -> Iterator[Mapping[str, Any]]:
        for item in inputs:
            waiting.append(item)
            if isinstance(item, Input):
                yield {"text": item.text, "title": item.title, "id": item.id}

    for result in annotator.annotate_many(hand_over(), errors="record", workers=workers):
        item = waiting.popleft()
        while isinstance(item, Failure):
            yield item.source, item
            item = waiting.popleft()
        if isinstance(result, AnnotatedArticle):
            yield item.source, result
        else:
            yield item.source, Failure(item.source, f"{item.source}: {result.message}")
    for item in waiting:
        assert isinstance(item, Failure)
        yield item.source, item


def _progress(
    total: int | None, errors: Console, output: Path | None
) -> AbstractContextManager[Callable[[], None]]:
    """Return a progress bar's step; one that does nothing where a bar would be noise.

    That is for one file, when standard error is no terminal, and when the results themselves run through the
    same terminal.
    """
    if total == 1 or not errors.is_terminal or (output is None and _is_terminal(sys.stdout)):
        return nullcontext(lambda: None)
    return _Bar(total, errors)


class _Bar:
    def __init__(self, total: int | None, errors: Console) -> None:
        # Standard output carries results; rich would otherwise send it through the bar's own console.
        self._progress = Progress(
            "annotating",
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=errors,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._progress.add_task("annotating", total=total)

    def __enter__(self) -> Callable[[], None]:
        self._progress.start()
        return lambda: self._progress.advance(self._task)

    def __exit__(self, *_: object) -> None:
        self._progress.stop()


def _is_terminal(stream: Any) -> bool:  # noqa: ANN401  # None when the caller closed it
    return stream is not None and stream.isatty()


def _abandon_stdout() -> None:
    """Drop what standard output still holds: Python would try, and fail, to write it on the way out."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError, AttributeError):
        with suppress(OSError, ValueError, AttributeError), Path(os.devnull).open("wb") as nothing:
            os.dup2(nothing.fileno(), sys.stdout.fileno())


def _terminated(signum: int, frame: FrameType | None) -> NoReturn:
    # As an exception, so that the file written aside is removed on the way out.
    raise SystemExit(128 + signum)


def main() -> None:
    """Run the command line."""
    signal.signal(signal.SIGTERM, _terminated)
    app(prog_name="khabar")
