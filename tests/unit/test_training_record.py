import json
import time

import pytest
from transformers import TrainerCallback, TrainerState

from khabar.training import _record
from khabar.training._record import Clock, seconds, training_record


def state_with(*entries):
    return TrainerState(log_history=[dict(entry) for entry in entries])


def test_the_clock_of_a_run_that_goes_on_goes_on(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    state, clock = state_with({"step": 1}), Clock()
    clock.on_train_begin(None, state, None)
    now[0] += 2.5
    clock.on_log(None, state, None)
    assert state.log_history[-1] == {"step": 1, "seconds": 2.5}

    # Killed a while later, and started again much later.
    now[0] += 5000
    again = Clock()
    again.on_train_begin(None, state, None)
    now[0] += 4
    state.log_history.append({"step": 2})
    again.on_log(None, state, None)
    assert seconds(state.log_history) == 6.5
    assert isinstance(again, TrainerCallback)


def test_a_history_without_a_clock_took_no_time():
    assert seconds([{"step": 1, "loss": 2.0}]) == 0


def test_the_record_sums_the_runs_of_all_seeds(tmp_path):
    for seed, steps in ((1, 10), (2, 30)):
        folder = tmp_path / f"seed-{seed}" / "checkpoints"
        folder.mkdir(parents=True)
        state = {"global_step": steps, "log_history": [{"step": steps, "seconds": steps / 4}]}
        (folder / "trainer_state.json").write_text(json.dumps(state), encoding="utf-8")
        # What lies in a checkpoint is not counted again.
        (folder / "checkpoint-10").mkdir()
        (folder / "checkpoint-10" / "trainer_state.json").write_text(json.dumps(state), encoding="utf-8")
    record = training_record(tmp_path, "bf16")
    assert (record["runs"], record["steps"], record["seconds"]) == (2, 40, 10)
    assert record["precision"] == "bf16"
    assert record["hardware"].endswith("threads")
    assert json.loads(json.dumps(record)) == record


@pytest.mark.parametrize("content", [None, "no such line"])
def test_a_processor_without_a_name_has_an_architecture(monkeypatch, content):
    def read_text(self, encoding):
        if content is None:
            raise FileNotFoundError
        return content

    monkeypatch.setattr(_record.Path, "read_text", read_text)
    assert _record._processor()
