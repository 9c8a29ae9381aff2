"""Keeps glibc from handing memory back to the system between the steps of training on a CPU.

Each step allocates and frees the same large tensors. By default glibc maps such blocks anew every time, and
the kernel has to clear their pages: with batches of eight windows that is over a quarter of a step's time
(scripts/measure_step.py).
"""

import ctypes

# Of <malloc.h>; glibc keeps these numbers for good.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4
_NEVER = 2**31 - 1
_PAD_BYTES = 256 * 2**20


def keep_freed_memory() -> bool:
    """Let this process reuse the memory that it frees; the price is that its peak stays with it to the end.

    Returns:
        Whether the C library took it: False where it is another than glibc.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    options = ((_M_MMAP_MAX, 0), (_M_TRIM_THRESHOLD, _NEVER), (_M_TOP_PAD, _PAD_BYTES))
    return all(mallopt(option, value) == 1 for option, value in options)
