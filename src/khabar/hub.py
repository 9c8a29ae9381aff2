"""A finished model on the Hugging Face hub."""

from pathlib import Path
from typing import Any, Protocol

from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalTokenNotFoundError
from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]  # not in its __all__

from khabar.bundle import load_bundle
from khabar.errors import ConfigError, KhabarError


class Hub(Protocol):
    """What is needed of `huggingface_hub.HfApi`."""

    def whoami(self) -> dict[str, Any]:
        """Tell whose token is at hand."""

    def create_repo(self, repo_id: str, *, private: bool, exist_ok: bool) -> object:
        """Make a repository, or find it there."""

    def upload_folder(self, *, repo_id: str, folder_path: Path, commit_message: str) -> object:
        """Upload the files of a folder in one commit."""


def check_push(repository: str, hub: Hub | None = None) -> None:
    """Find out, before hours of training, whether a model could be pushed.

    Args:
        repository: ``owner/name`` on the hub.
        hub: The hub; None for the real one.

    Raises:
        ConfigError: The name is none for a repository, there is no token, or the hub cannot be reached.
    """
    try:
        validate_repo_id(repository)
    except HFValidationError as error:
        raise _no_name(repository, str(error).splitlines()[0]) from error
    if repository.count("/") != 1:
        raise _no_name(repository, "it has no owner")
    try:
        (hub or HfApi()).whoami()
    except (HfHubHTTPError, LocalTokenNotFoundError, OSError) as error:
        raise ConfigError(
            f"--push-to-hub {repository}: the hub does not know who asks ({_line(error)}); "
            "log in with `hf auth login`, or set HF_TOKEN to a token that may write."
        ) from error


def push(bundle: Path, repository: str, *, private: bool = True, hub: Hub | None = None) -> str:
    """Upload a finished model, its card and pictures included, in one commit.

    Args:
        bundle: Folder of the model.
        repository: ``owner/name`` on the hub; it is made where it is not there.
        private: Whether a repository that is made is private. One that is there stays as it is.
        hub: The hub; None for the real one.

    Returns:
        Address of the model.

    Raises:
        BundleError: The folder is no model.
        KhabarError: The hub refused; the model stays where it is.
    """
    load_bundle(bundle)
    client = hub or HfApi()
    try:
        client.create_repo(repository, private=private, exist_ok=True)
        client.upload_folder(
            repo_id=repository, folder_path=bundle, commit_message="Upload a model trained with khabar"
        )
    except (HfHubHTTPError, LocalTokenNotFoundError, OSError) as error:
        raise KhabarError(
            f"{repository}: the hub did not take the model ({_line(error)}); it is finished and lies in "
            f"{bundle}, from where `hf upload {repository} {bundle}` sends it."
        ) from error
    return f"https://huggingface.co/{repository}"


def _no_name(repository: str, reason: str) -> ConfigError:
    return ConfigError(
        f"--push-to-hub {repository}: is no name of a repository ({reason}); write it as owner/name."
    )


def _line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
