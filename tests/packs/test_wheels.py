"""Each pack of this repository: its wheel has all of its files, and its entry points."""

from __future__ import annotations

import subprocess
import sys
from zipfile import ZipFile

import pytest

from plugrad.plugins.discovery import API_GROUP, GROUP
from plugrad.tests import checkout

PACKS = sorted(path.name for path in (checkout.ROOT / "packs").iterdir() if path.is_dir())


@pytest.fixture(params=PACKS)
def pack(request):
    return request.param


@pytest.mark.slow
def test_it_holds_every_file_of_the_package(pack, tmp_path):
    tree = checkout.copy_to(tmp_path / "tree") / "packs" / pack
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path]
    subprocess.run([*map(str, command), str(tree)], capture_output=True, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = ZipFile(wheel).namelist()
    source = tree / "src"
    files = {p.relative_to(source).as_posix() for p in source.rglob("*") if p.is_file()}
    files = {file for file in files if ".egg-info/" not in file}
    assert {name for name in names if ".dist-info/" not in name} == files
    assert any(name.endswith("licenses/LICENSE") for name in names)
    (points,) = (name for name in names if name.endswith("entry_points.txt"))
    text = ZipFile(wheel).read(points).decode()
    assert f"[{GROUP}]\n" in text
    assert f"[{API_GROUP}]\n" in text
