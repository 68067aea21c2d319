# SPDX-License-Identifier: Apache-2.0
"""dumps.py LOG TEXT CMD...: runs CMD, waits until TEXT is in LOG, its output, and kills it by SIGSEGV; was there a core?"""
import os
import resource
import signal
import subprocess
import sys
import time

log, text, *command = sys.argv[1:]
resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
os.chdir(os.path.dirname(log))
with open(log, "w", encoding="utf-8") as out:
    process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
for _ in range(600):
    with open(log, encoding="utf-8") as f:
        if text in f.read():
            break
    time.sleep(0.1)
process.send_signal(signal.SIGSEGV)
_, status = os.waitpid(process.pid, 0)
print("signal", os.WTERMSIG(status), "core" if os.WCOREDUMP(status) else "no core")
