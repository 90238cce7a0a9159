"""Run by ``python_process``: imports modules once; each program goes on in a copy of it.

A copy leaves the loop and becomes the program. It ends as Python does, in this order: its threads,
what it registered with ``atexit``, what its streams hold. Only taking torch apart, which takes
longer than all the rest, is left out.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import json
import os
import runpy
import sys
import threading
import types
import warnings
from pathlib import Path


def wait_for_a_program():
    """Return the next program, in a copy of this process; end this one when there are no more."""
    print("ready", flush=True)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            return json.loads(line)
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    sys.exit()


def become(program):
    """Take on the program's folder, variables, streams, path and arguments."""
    os.setpgrp()  # so that a program that takes too long ends with what it started
    os.chdir(program["cwd"])
    os.environ.clear()
    os.environ.update(program["env"])
    for number, stream in enumerate(("in", "out", "err")):
        os.dup2(os.open(program[stream], os.O_RDWR | os.O_APPEND), number)
    path = filter(None, program["path"].split(os.pathsep))
    # The first is this file's folder.
    sys.path[:1] = [program["first"], *map(os.path.abspath, path)]
    sys.argv = program["argv"]
    sys.warnoptions[:] = program["warnings"]
    warnings._processoptions(program["warnings"])


def run(kind, what):
    """Run it as Python runs what follows ``-m`` or ``-c``, or a file."""
    if kind == "-m":
        return runpy.run_module(what, run_name="__main__", alter_sys=True)
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    code, name = what, "<string>"
    if kind == "file":
        main.__file__ = name = str(Path.cwd() / what)
        code = Path(name).read_bytes()
    return exec(compile(code, name, "exec"), vars(main))


def status_of(kind, what):
    """Run it, and return the exit status that Python would end with; say why as Python does."""
    try:
        run(kind, what)
    except SystemExit as asked:
        if asked.code is None or isinstance(asked.code, int):
            return asked.code or 0
        print(asked.code, file=sys.stderr)
        return 1
    except BaseException as error:
        found = error.__traceback__
        while found and found.tb_frame.f_code.co_filename in (__file__, "<frozen runpy>"):
            found = found.tb_next
        sys.excepthook(type(error), error.with_traceback(found), found)
        return 1
    return 0


def end(status):
    """End this process."""
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    ctypes.CDLL(None).fflush(None)
    os._exit(status)


def main():
    """Serve, until there are no more programs."""
    for name in sys.argv[1:]:
        __import__(name)
    gc.collect()
    gc.freeze()  # a collection in a copy would copy all that is shared
    program = wait_for_a_program()
    become(program)
    end(status_of(program["kind"], program["what"]))


if __name__ == "__main__":
    main()
