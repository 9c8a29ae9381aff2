import pytest
from huggingface_hub.errors import LocalTokenNotFoundError

from khabar.errors import BundleError, ConfigError, KhabarError
from khabar.hub import check_push, push


class Hub:
    """Notes what is asked of it, and takes everything."""

    def __init__(self, error=None):
        self.asked = []
        self._error = error

    def whoami(self):
        if self._error:
            raise self._error
        return {"name": "newsroom"}

    def create_repo(self, repo_id, *, private, exist_ok):
        self.asked.append(("create", repo_id, private, exist_ok))

    def upload_folder(self, *, repo_id, folder_path, commit_message):
        if self._error:
            raise self._error
        assert commit_message
        files = {
            path.relative_to(folder_path).as_posix() for path in folder_path.rglob("*") if path.is_file()
        }
        self.asked.append(("upload", repo_id, files))


@pytest.mark.parametrize("private", [True, False])
def test_the_whole_bundle_goes_into_one_repository(tiny_bundle, private):
    hub = Hub()
    assert (
        push(tiny_bundle, "newsroom/model", private=private, hub=hub)
        == "https://huggingface.co/newsroom/model"
    )
    create, upload = hub.asked
    assert create == ("create", "newsroom/model", private, True)
    assert upload[:2] == ("upload", "newsroom/model")
    assert {"config.json", "model.safetensors", "khabar.json", "onnx/model.int8.onnx"} <= upload[2]


def test_a_repository_is_private_unless_told_otherwise(tiny_bundle):
    hub = Hub()
    push(tiny_bundle, "newsroom/model", hub=hub)
    assert hub.asked[0][2] is True


def test_what_is_no_model_is_not_uploaded(tmp_path):
    hub = Hub()
    with pytest.raises(BundleError, match="is no khabar model"):
        push(tmp_path, "newsroom/model", hub=hub)
    assert hub.asked == []


def test_a_refusal_says_where_the_model_is(tiny_bundle):
    with pytest.raises(
        KhabarError, match=r"did not take the model \(quota\); it is finished and lies in .*tiny"
    ):
        push(tiny_bundle, "newsroom/model", hub=Hub(OSError("quota")))


@pytest.mark.parametrize("name", ["model", "a/b/c", "a b/c", "/model", "newsroom/", ""])
def test_a_name_that_is_none_is_told_before_training(name):
    with pytest.raises(ConfigError, match=r"is no name of a repository .* write it as owner/name\."):
        check_push(name, Hub())


def test_a_token_is_needed_before_training():
    check_push("newsroom/model", Hub())
    with pytest.raises(
        ConfigError, match=r"does not know who asks \(no token\); log in with `hf auth login`"
    ):
        check_push("newsroom/model", Hub(LocalTokenNotFoundError("no token")))
