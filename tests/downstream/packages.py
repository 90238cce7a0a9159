"""The packages whose autograd Functions are checked, by the name that is imported."""

from __future__ import annotations

from pathlib import Path

#: Each has a samples file and a file of verdicts of its name.
PACKAGES = (
    "botorch",
    "efficientnet_pytorch",
    "entmax",
    "gpytorch",
    "kornia",
    "linear_operator",
    "pyro",
    "pytorch_wavelets",
    "snntorch",
    "timm",
    "torchdiffeq",
    "torchkbnufft",
)
#: What pip calls those whose name it spells otherwise.
DISTRIBUTIONS = {"pyro": "pyro-ppl", "pytorch_wavelets": "pytorch-wavelets"}

FOLDER = Path(__file__).parent
REQUIREMENTS = FOLDER / "requirements.txt"


def verdicts_file(package: str) -> Path:
    """Where what the laws find in a package is written down."""
    return FOLDER / "verdicts" / f"{package}.toml"
