"""What a server can be told."""

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from khabar.errors import ConfigError

TOKEN_VARIABLE: Final = "KHABAR_TOKEN"

MIN_TOKEN: Final = 16
"""Characters of the shortest token that is taken: what can be guessed protects nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """Where a server listens, who may ask, and how much.

    Raises:
        ConfigError: The options contradict each other; the message says what to change.
    """

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = 8765
    """Port to listen on; 0 takes a free one."""
    token: str | None = None
    """What requests have to bring along; required on anything but loopback."""
    allowed_hosts: tuple[str, ...] = ()
    """Names by which a loopback server may be asked besides localhost: that of a reverse proxy."""
    max_characters: int = 500_000
    """Characters of the longest article that is taken, its title included."""
    max_articles: int = 64
    """Articles of one batch request."""
    max_request_characters: int = 1_000_000
    """Characters of all articles of a batch request together."""
    max_body_bytes: int = 8 * 2**20
    """Bytes of the largest JSON body."""
    max_upload_bytes: int = 64 * 2**20
    """Bytes of the largest upload of files."""
    max_waiting: int = 256
    """Articles that may wait for the model; beyond them, requests are answered with 429."""
    max_waiting_characters: int = 4_000_000
    """The same in characters."""
    max_requests: int = 512
    """Requests that are handled at once; beyond them, requests are answered with 503."""
    time_limit: float = 60.0
    """Seconds after which a request that waits for the model is answered with 503."""
    body_seconds: float = 30.0
    """Seconds that a client may take to send its request."""
    stop_seconds: float = 30.0
    """Seconds that running requests get to finish when the server is stopped."""

    def __post_init__(self) -> None:
        if not 0 <= self.port < 65536:
            raise ConfigError(f"--port is {self.port}, expected 0 to 65535.")
        if self.token is not None and (len(self.token) < MIN_TOKEN or not self.token.isascii()):
            raise ConfigError(
                f"the token has to be {MIN_TOKEN} or more characters of ASCII; make one: "
                "python -c 'import secrets; print(secrets.token_urlsafe())'"
            )
        if self.token is None and not is_loopback(self.host):
            raise ConfigError(
                f"--host {self.host} can be reached from other machines, so a token is required: "
                f"set {TOKEN_VARIABLE} or give --token; or stay on 127.0.0.1."
            )


def is_loopback(host: str) -> bool:
    """Return whether an address is reached from this machine only."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"
