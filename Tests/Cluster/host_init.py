"""The first process of a database host: runs etcd and Patroni, starts either again when it ends, and reaps orphans.

    python3 host_init.py FOLDER PROGRAM...

What each program writes is in FOLDER, in a file of its name. A program is one argument, in JSON: `command`, a list, and
`environment`, which is added to that of this process.
"""

import json
import os
import signal
import subprocess
import sys
import time

# The delay in seconds before an ended process is started again, as systemd does.
PAUSE = 0.5


def main(folder, *programs):
    os.chdir(folder)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    running = {}
    for program in map(json.loads, programs):
        running[start(**program)] = program
    while True:
        # Orphans come here as well: the server, if Patroni is killed.
        pid, _ = os.wait()
        if program := running.pop(pid, None):
            time.sleep(PAUSE)
            running[start(**program)] = program


def start(command, environment):
    with open(f"{os.path.basename(command[0])}.log", "ab") as output:
        return subprocess.Popen(
            command, env=os.environ | environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        ).pid


if __name__ == "__main__":
    main(*sys.argv[1:])
