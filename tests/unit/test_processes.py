import os
import subprocess
import sys
from contextlib import closing
from itertools import count, islice

import psutil
import pytest
import worker_tasks

from khabar.errors import BundleError, InputError, WorkerError
from khabar.processes import map_in_processes

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="workers are forked")


_before: set[psutil.Process] = set()
"""What other tests run for the whole session, such as a database."""


def children():
    return [child for child in psutil.Process().children(recursive=True) if child not in _before]


@pytest.fixture(autouse=True)
def nothing_is_left_running():
    _before.clear()
    _before.update(psutil.Process().children(recursive=True))
    yield
    assert children() == []


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("tasks", [0, 1, 50])
def test_results_come_in_the_order_of_the_tasks(workers, tasks):
    found = map_in_processes(worker_tasks.load_square, range(tasks), workers=workers)
    assert list(found) == [number * number for number in range(tasks)]


def test_a_slow_task_does_not_change_the_order_and_all_workers_work():
    found = list(map_in_processes(worker_tasks.load_uneven, range(40), workers=2))
    assert [number for number, _ in found] == list(range(40))
    assert len({worker for _, worker in found}) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere each worker loads by itself")
def test_one_process_loads_for_all():
    found = list(map_in_processes(worker_tasks.load_parent, range(40), workers=2))
    assert len({loaded_by for loaded_by, _ in found}) == 1
    assert os.getpid() not in {pid for pair in found for pid in pair}


def test_an_endless_stream_is_read_a_few_tasks_ahead():
    asked = []
    endless = (asked.append(number) or number for number in count())
    with closing(map_in_processes(worker_tasks.load_square, endless, workers=2)) as found:
        assert asked == []
        assert list(islice(found, 20)) == [number * number for number in range(20)]
        assert len(asked) <= 20 + 8


def test_tasks_and_results_larger_than_a_pipe_do_not_block():
    large = [bytes([97]) * 3_000_000] * 12
    found = map_in_processes(worker_tasks.load_echo, large, workers=2)
    assert all(result == task.upper() for result, task in zip(found, large, strict=True))


def test_an_error_is_raised_in_its_place():
    found = map_in_processes(worker_tasks.load_strict, range(10), workers=2)
    assert [next(found), next(found), next(found)] == [0, 1, 2]
    with pytest.raises(InputError, match=r"^three is refused$"):
        next(found)


def test_an_error_that_cannot_travel_is_told_all_the_same():
    with pytest.raises(WorkerError, match=r"^UnpicklableError: cannot travel$"):
        next(map_in_processes(worker_tasks.load_unpicklable, [1], workers=2))


def test_what_cannot_be_loaded_is_the_error_of_loading():
    with pytest.raises(BundleError, match=r"^no such model$"):
        next(map_in_processes(worker_tasks.load_nothing, [1], workers=2))


def test_an_error_of_the_tasks_is_raised():
    def broken():
        yield 1
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError, match="the source broke"):
        list(map_in_processes(worker_tasks.load_square, broken(), workers=2))


@pytest.mark.parametrize("workers", [1, 2])
def test_the_death_of_a_worker_is_one_clear_error(workers):
    found = map_in_processes(worker_tasks.load_fatal, range(40), workers=workers)
    taken = []
    with pytest.raises(WorkerError, match="worker processes ended before its work was done") as caught:
        taken.extend(found)
    assert "\n" not in str(caught.value)
    # What came before is right, and nothing after the lost task was passed off as it.
    assert taken == list(range(len(taken)))
    assert len(taken) <= 5


def test_workers_end_when_the_results_are_not_wanted_any_more():
    found = map_in_processes(worker_tasks.load_square, count(), workers=2)
    next(found)
    assert len(children()) == 2
    found.close()
    assert children() == []


def test_workers_end_with_a_caller_that_is_killed(tmp_path):
    code = """
import sys, time, itertools, psutil
from khabar.processes import map_in_processes
import worker_tasks
found = map_in_processes(worker_tasks.load_square, itertools.count(), workers=2)
next(found)
print(*[child.pid for child in psutil.Process().children(recursive=True)], flush=True)
time.sleep(60)
"""
    path = os.pathsep.join(sys.path)
    caller = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": path}
    )
    workers = [psutil.Process(int(pid)) for pid in caller.stdout.readline().split()]
    assert len(workers) == 2
    caller.kill()
    caller.wait()
    caller.stdout.close()
    _, alive = psutil.wait_procs(workers, timeout=10)
    assert alive == []
