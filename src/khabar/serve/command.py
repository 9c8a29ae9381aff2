"""The command ``khabar serve``. Importing it needs no extra."""

from __future__ import annotations

import os
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from khabar._files import reason
from khabar.errors import KhabarError, MissingExtraError
from khabar.render import printable
from khabar.serve.options import TOKEN_VARIABLE, ServeOptions

if TYPE_CHECKING:
    from starlette.types import ASGIApp

EXIT_USAGE = 2

KEEP_ALIVE_SECONDS = 75
"""For how long an idle connection stays open.

Longer than `Retry-After` ever tells a client to wait: were it closed at the moment at which the client asks
again, that request would be lost, and a POST is not to be sent twice.
"""


def serve(
    model: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER|HUB_ID",
            help="A saved khabar model.  [dim]default: the built-in model, offline[/]",
            show_default=False,
        ),
    ] = None,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="PORT", help="0 takes a free one.")] = 8765,
    database: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|URL",
            help="Where corrections are kept: a file for SQLite, or postgresql://USER@HOST/NAME."
            "  [dim]default: review.db in your data folder[/]",
            show_default=False,
        ),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            metavar="SECRET",
            envvar=TOKEN_VARIABLE,
            help="What requests have to bring along; required on anything but loopback. Better in the "
            "environment, where other users of the machine do not see it.",
            show_default=False,
            show_envvar=True,
        ),
    ] = None,
    allowed_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="A name by which a reverse proxy asks this server; may be given several times.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Serve the model over HTTP, with a page on which people correct its labels.

    [bold]Examples[/]

    khabar serve

    khabar serve --model runs/continued --database newsroom.db
    """
    try:
        options = ServeOptions(
            host=host,
            port=port,
            token=token or None,
            allowed_hosts=tuple(name.lower() for name in allowed_host or ()),
        )
        _serve(model, database, options)
    except KhabarError as error:
        _say(str(error))
        raise typer.Exit(EXIT_USAGE) from None


def _serve(model: str | None, database: str | None, options: ServeOptions) -> None:
    # Here, not above: they take longer to import than --help takes to print.
    try:
        from khabar.serve.app import create_app
        from khabar.serve.store import Store
    except ImportError as error:
        if isinstance(error, KhabarError):
            raise
        raise MissingExtraError(
            f"khabar serve needs {error.name}, which is not installed: pip install 'khabar[serve]'."
        ) from error
    from khabar.annotator import Annotator

    listening = _listen(options)
    with listening:
        annotator = Annotator() if model is None else Annotator.from_pretrained(model)
        store = Store(Path(database) if database and "://" not in database else database)
        app = create_app(annotator, store, options)
        _say(f"serving {model or 'the built-in model'} at {_address(listening, options)}")
        _say(f"corrections are kept in {store.place}; stop with Ctrl+C")
        _run(app, listening, options)
    _say("stopped")


def _listen(options: ServeOptions) -> socket.socket:
    """Take the port before the model is loaded: that it is taken is then said at once."""
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    listening = socket.socket(family)
    try:
        if os.name == "posix":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((options.host.strip("[]"), options.port))
        # Whoever reads the address below may ask at once: the request waits until the model is loaded.
        listening.listen(2048)
    except OSError as error:
        listening.close()
        raise _PortError(
            f"cannot listen on {options.host}, port {options.port}: {reason(error)}; choose another --port."
        ) from error
    return listening


class _PortError(KhabarError):
    pass


def _address(listening: socket.socket, options: ServeOptions) -> str:
    port = listening.getsockname()[1]
    name = f"[{options.host.strip('[]')}]" if ":" in options.host else options.host
    # Behind # it reaches the page and no server's log.
    return f"http://{name}:{port}/" + ("" if options.token is None else f"#token={options.token}")


def _run(app: ASGIApp, listening: socket.socket, options: ServeOptions) -> None:
    import uvicorn

    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=int(options.stop_seconds),
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        # Behind a proxy on this machine; nobody else is believed.
        forwarded_allow_ips="127.0.0.1",
    )
    # uvicorn finishes what runs and then raises the signal again, for the handler that was there before it.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    uvicorn.Server(config).run(sockets=[listening])


def _say(message: str) -> None:
    Console(file=sys.stderr).print(
        f"khabar: {printable(message)}", soft_wrap=True, highlight=False, markup=False, emoji=False
    )
