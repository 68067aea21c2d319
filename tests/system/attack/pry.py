# SPDX-License-Identifier: Apache-2.0
"""pry.py PID: what a process of the same user can learn of PID's memory; one line per way to it."""
import ctypes
import sys

libc = ctypes.CDLL(None, use_errno=True)
pid = int(sys.argv[1])


class Iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]


def reads(name):
    try:
        with open(f"/proc/{pid}/{name}", "rb") as f:
            return bool(f.read(1)) or name == "mem"
    except OSError as e:
        return name == "mem" and e.errno == 5  # opened, and nothing is mapped at 0


def vm_reads():
    room = ctypes.create_string_buffer(8)
    here, there = Iovec(ctypes.addressof(room), 8), Iovec(0x1000, 8)
    libc.process_vm_readv(pid, ctypes.byref(here), 1, ctypes.byref(there), 1, 0)
    return ctypes.get_errno() != 1  # EFAULT: it may, but nothing is there


def traces():
    held = libc.ptrace(16, pid, 0, 0) == 0  # PTRACE_ATTACH
    if held:
        libc.waitpid(pid, 0, 0x40000000)
        libc.ptrace(17, pid, 0, 0)
    return held


for way in "mem", "environ", "maps", "auxv", "stack":
    print(way, "open" if reads(way) else "refused")
print("process_vm_readv", "open" if vm_reads() else "refused")
print("ptrace", "open" if traces() else "refused")
