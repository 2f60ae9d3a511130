"""The heaps of a process."""

import platform
import subprocess
import sys

import pytest

_COUNTED = """
import ctypes, tempfile, threading
from vseg.weights.heap import limit_arenas
limit_arenas()
libc = ctypes.CDLL(None)
libc.malloc.restype = libc.fopen.restype = ctypes.c_void_p
libc.malloc_info.argtypes = [ctypes.c_int, ctypes.c_void_p]
libc.fclose.argtypes = [ctypes.c_void_p]
together = threading.Barrier(12)
def allocate():
    together.wait()
    for _ in range(1000):
        libc.malloc(1000)
    together.wait()
threads = [threading.Thread(target=allocate) for _ in range(12)]
for each in threads:
    each.start()
for each in threads:
    each.join()
with tempfile.NamedTemporaryFile() as file:
    handle = libc.fopen(file.name.encode(), b"w")
    libc.malloc_info(0, handle)
    libc.fclose(handle)
    print(file.read().count(b"<heap nr="))
"""

_TRIMMED = """
import ctypes
from pathlib import Path
from vseg.weights.heap import trim_heaps
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
taken = [libc.malloc(64 << 10) for _ in range(1000)]
for each in taken:
    ctypes.memset(ctypes.c_void_p(each), 1, 64 << 10)
for each in taken[:-1]:
    libc.free(each)
before = resident()
trim_heaps()
print(before - resident())
"""
"""The last block keeps the others, which lie before it, from going by themselves."""
_GLIBC = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="heaps of glibc")


@pytest.mark.integration
@_GLIBC
def test_what_was_freed_goes_back_to_the_system() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _TRIMMED], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) > 50 << 20


@pytest.mark.integration
@_GLIBC
def test_threads_share_two_heaps() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _COUNTED], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) <= 2
