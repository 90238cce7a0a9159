"""Hold the Functions of packages that people install to the laws, and compare with the verdicts.

``python -m plugrad.tests.downstream.run`` makes an environment with the packages that
requirements.txt pins, checks each of them in a process of its own, and prints where the laws find
something else than verdicts/ has. The exit status is 1 if they do.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from plugrad.tests import checkout
from plugrad.tests.downstream import environment, verdicts
from plugrad.tests.downstream.packages import PACKAGES, verdicts_file

#: Seconds of computing for a package. The clock may show more where others compute as well.
LIMIT = 120
_PATIENCE = 4 * LIMIT


def main(arguments: list[str] | None = None) -> int:
    """The command; 0 if everything is as written down, 1 if not, 2 without an environment."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", help=", ".join(PACKAGES))
    parser.add_argument("--venv", type=Path, default=environment.DEFAULT, metavar="FOLDER")
    parser.add_argument("--jobs", type=int, default=1, help="packages at a time")
    parser.add_argument(
        "--write", action="store_true", help="write what is found down as the verdicts"
    )
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.packages) - set(PACKAGES))
    if unknown:
        parser.error(f"no package {', '.join(unknown)}; there are {', '.join(PACKAGES)}")
    try:
        python = environment.prepare(options.venv.absolute())
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"the environment {options.venv} cannot be made: {error}", file=sys.stderr)
        return 2
    chosen = options.packages or PACKAGES
    with ThreadPoolExecutor(options.jobs) as pool:
        founds = pool.map(lambda package: found_by(package, python), chosen)
        differ = [
            package
            for package, found in zip(chosen, founds, strict=True)
            if not as_written_down(package, found, options.write)
        ]
    if differ:
        print(f"\nnot as written down: {', '.join(differ)}")
        print("fix: look at each line; python -m plugrad.tests.downstream.run --write renews them")
    return 1 if differ else 0


def as_written_down(package: str, found: dict[str, Any] | str, renew: bool = False) -> bool:
    """Compare what was found in a package, print what differs, and say whether nothing does."""
    if isinstance(found, str):
        print(f"{package}: {found}", flush=True)
        return False
    file = verdicts_file(package)
    known = verdicts.read(file)
    if renew:
        known = verdicts.renewed(known, found)
        verdicts.write(file, known, _heading(package, found))
    differ = verdicts.differences(known, found)
    if found["seconds"] > LIMIT:
        differ.append(f"it computed for more than {LIMIT} s: see NOT_COMPILED of some samples")
    lines = [f"{package}: {_summary(known, found)} ({found['seconds']:.0f} s)"]
    print("\n  ".join([*lines, *differ]), flush=True)
    return not differ


def found_by(package: str, python: Path) -> dict[str, Any] | str:
    """What check.py found, or why it did not come to an end."""
    command = [str(python), "-m", "plugrad.tests.downstream.check", package]
    try:
        with TemporaryDirectory() as path:  # where this checkout is plugrad, whatever its name
            (Path(path) / "plugrad").symlink_to(checkout.ROOT, target_is_directory=True)
            ended = subprocess.run(
                command,
                capture_output=True,
                text=True,
                timeout=_PATIENCE,
                cwd=path,
                env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": path},
                stdin=subprocess.DEVNULL,
                check=False,
            )
    except subprocess.TimeoutExpired:
        return f"did not come to an end in {_PATIENCE} s"
    try:
        return dict(json.loads(ended.stdout.splitlines()[-1]))
    except (IndexError, TypeError, ValueError):
        last = (ended.stderr.strip() or "it printed nothing").splitlines()[-5:]
        return "\n  ".join([f"the check ended with status {ended.returncode}:", *last])


def _summary(known: dict[str, verdicts.Verdict], found: dict[str, Any]) -> str:
    names = found["functions"]
    words = [known[name].word for name in names if name in known]
    counts = ", ".join(f"{words.count(word)} {word}" for word in ("bug", "warning", "clean"))
    alarms = sum(len(known[name].false) for name in names if name in known)
    parts = [f"{len(names)} Functions: {counts}"]
    parts += [f"{alarms} false alarms"] if alarms else []
    parts += [f"{len(found['not_reached'])} not reached"] if found["not_reached"] else []
    parts += [f"{len(found['imports'])} modules not imported"] if found["imports"] else []
    return "; ".join(parts)


def _heading(package: str, found: dict[str, Any]) -> str:
    lines = [f"What the laws find in {package}; see README.md beside this folder."]
    lines += [f"Not reached: {name}: {why}" for name, why in found["not_reached"].items()]
    lines += [f"Not imported: {name}: {why}" for name, why in found["imports"].items()]
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
