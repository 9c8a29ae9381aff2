"""What the tests have worker processes do; they import it by this name."""

import os
import signal
import time

from khabar.errors import BundleError, InputError

LOADED_BY = None


def load_square():
    return square


def square(number):
    return number * number


def load_strict():
    return strict


def strict(number):
    if number == 3:
        raise InputError("three is refused")
    return number


def load_nothing():
    raise BundleError("no such model")


def load_fatal():
    return fatal


def fatal(number):
    if number == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def load_uneven():
    return uneven


def uneven(number):
    """Take longer for every fourth number, so that results come in another order than the tasks."""
    time.sleep(0.05 if number % 4 == 0 else 0)
    return number, os.getpid()


def load_parent():
    loaded_by = os.getpid()
    return lambda _: (loaded_by, os.getpid())


def load_echo():
    return bytes.upper


class UnpicklableError(Exception):
    def __init__(self, one, two):
        super().__init__(one)


def load_unpicklable():
    return unpicklable


def unpicklable(number):
    raise UnpicklableError("cannot travel", number)
