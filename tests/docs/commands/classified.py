"""classified: of each command that is shown, how it is known to be true.

It is run here (RUN), or by another test (BY_ANOTHER_TEST), or its parts are looked at and it is
not run, for a reason (NOT_RUN).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Run:
    """How a command is run.

    Args:
        status: the exit status that it must have.
        says: what its output must have.
        folder: what is there: see ``folders``.
        makes: the files that it must write.
        more: words added at its end, where it would take minutes without.
        slow: whether it takes more than a few seconds all the same.
    """

    status: int = 0
    says: str = ""
    folder: str = "files"
    makes: tuple[str, ...] = ()
    more: tuple[str, ...] = ()
    slow: bool = False


_ONE = ("--law", "oracle")
_RECORDED = ("--plugrad-law", "oracle", "-q")
_SQUASH = ("src/plugrad_softclip/ops/squash.py",)
_SWISH = "path/to/swish.py:Swish"

RUN = {
    # --- check ---
    "plugrad check": Run(more=("sin", *_ONE), says="passed: 1 op"),
    "plugrad check --jobs": Run(more=("2", "sin", "cos", *_ONE), says="passed: 2 ops"),
    "plugrad check --law": Run(more=("oracle", "sin"), says="passed: 1 op"),
    "plugrad check sin": Run(says="passed: 1 op"),
    "plugrad check sin cos": Run(says="passed: 2 ops", slow=True),
    "plugrad check sin erf": Run(says="passed: 2 ops", slow=True),
    "plugrad check sin --law oracle --law second-order": Run(says="passed: 1 op"),
    "plugrad check plugrad::": Run(more=("--law", "name", "--jobs", "1"), says="passed: "),
    "plugrad check kernels.py:Swish": Run(says="passed: 1 op", slow=True),
    "plugrad check kernels.py:Swish --samples swish_samples.py": Run(
        more=_ONE, says="passed: 1 op"
    ),
    "plugrad check entmax:": Run(more=_ONE, says="passed: 1 op"),
    "plugrad check entmax.activations:SparsemaxFunction": Run(more=_ONE, says="passed: 1 op"),
    "plugrad check yourpackage:": Run(more=_ONE, says="passed: 1 op"),
    "plugrad check package.module:Swish": Run(more=_ONE, says="passed: 1 op"),
    "plugrad check package:": Run(more=_ONE, says="passed: 1 op"),
    "plugrad check path/to/swish.py": Run(more=_ONE, says="passed: 1 op"),
    f"plugrad check {_SWISH}": Run(more=_ONE, says="passed: 1 op"),
    "plugrad check --jobs 8 --html report.html --junit report.xml": Run(
        more=("sin", *_ONE), makes=("report.html", "report.xml")
    ),
    # --- strength ---
    "plugrad strength": Run(more=("sin",), says="passed: 1 op"),
    "plugrad strength sin": Run(says="passed: 1 op"),
    "plugrad strength sin nn.functional.gelu": Run(says="passed: 2 ops"),
    "plugrad strength mul --fault scaled --fault 'dropped[y]'": Run(says="passed: 1 op"),
    "plugrad strength --json - > strength.json": Run(more=("sin",), says='"sin"'),
    "plugrad strength kernels.py:Swish --samples swish_samples.py": Run(says="passed: 1 op"),
    "plugrad strength kernels.py:Swish --samples plugrad_samples.py": Run(says="passed: 1 op"),
    # --- explain, show, ops, packs, doctor ---
    "plugrad explain": Run(says="hidden-intermediate"),
    "plugrad explain complex": Run(says="complex, a law"),
    "plugrad explain oracle": Run(says="oracle, a law"),
    "plugrad explain options complex": Run(says="options, a law"),
    "plugrad explain second-order": Run(says="second-order, a law"),
    "plugrad explain no-nan wrong-at-0": Run(says="wrong-at-0, a fault"),
    "plugrad show sin": Run(says="cos(x)"),
    "plugrad show linalg.vector_norm": Run(says="linalg.vector_norm"),
    "plugrad show torch.cov": Run(says="a composite"),
    "plugrad show special::airy_ai --json": Run(folder="special", says='"special::airy_ai"'),
    "plugrad ops": Run(says="sin"),
    "plugrad ops --json": Run(says='"name"'),
    "plugrad ops --pack special": Run(folder="special", says="special::airy_ai"),
    "plugrad packs": Run(folder="special", says="loaded"),
    "plugrad packs --json": Run(folder="special", says='"special"'),
    "plugrad packs --no-load": Run(folder="special", says="found"),
    "plugrad packs --strict": Run(folder="special", says="loaded"),
    "plugrad doctor": Run(says="nothing is wrong"),
    "plugrad doctor --json": Run(says='"findings": []'),
    # --- what writes files ---
    "plugrad new-pack softclip": Run(makes=("plugrad-softclip/pyproject.toml",)),
    "plugrad new-pack plugrad-softclip": Run(makes=("plugrad-softclip/pyproject.toml",)),
    "plugrad new-pack activations --op squash": Run(
        makes=("plugrad-activations/src/plugrad_activations/ops/squash.py",)
    ),
    "plugrad new-pack softclip --into ~/src": Run(makes=("src/plugrad-softclip/pyproject.toml",)),
    "plugrad new-op squash": Run(folder="pack", makes=_SQUASH),
    "plugrad new-op squash --pack ~/src/plugrad-softclip": Run(folder="pack", makes=_SQUASH),
    "plugrad new-op bessel_j0 --overrides torch.special.bessel_j0": Run(
        folder="pack", says="bessel_j0"
    ),
    "plugrad stubs --output typings": Run(
        makes=("typings/plugrad-stubs/core/attached_methods.pyi",)
    ),
    # --- the rest ---
    "plugrad": Run(status=2, says="Usage: plugrad"),
    "plugrad --help": Run(says="Usage: plugrad"),
    "plugrad demo --epochs 5 --seed 1": Run(says="accuracy", slow=True),
    "pytest --plugrad": Run(more=("--plugrad-op", "sin", "--plugrad-law", "oracle", "-q")),
    "pytest --plugrad-torch": Run(more=_RECORDED, says="keeps", slow=True),
    "pytest --plugrad-torch=yourpackage": Run(more=_RECORDED, says="keeps", slow=True),
    "pytest --plugrad-torch=yourpackage --plugrad-torch-save plugrad_samples.py": Run(
        folder="unsampled",
        more=_RECORDED,
        says="keeps",
        makes=("plugrad_samples.py",),
        slow=True,
    ),
}

#: Commands, or pages with all their blocks and output, and a test that types them.
BY_ANOTHER_TEST = {
    "docs/tutorials/first-pack.md": "tests/docs/test_first_pack.py",
    "docs/kernels.md": "tests/docs/test_kernels.py",
    "docs/draw.md": "tests/docs/test_draw.py",
    "plugrad graph": "tests/cli/test_graph.py",
    "plugrad graph script.py:loss": "tests/cli/test_graph.py",
    "plugrad graph script.py:loss --gradients --lines": "tests/cli/test_graph.py",
    "plugrad graph package.module:loss -o loss.svg": "tests/cli/test_graph.py",
    "plugrad check cube.py:Cube --law complex --sample 0 --seed 0": "tests/test_readme.py",
    "plugrad new-op elementwise/gudermannian": "tests/test_contributing.py",
    "plugrad check gudermannian": "tests/test_contributing.py",
    "plugrad strength gudermannian": "tests/test_contributing.py",
    "plugrad stubs --builtins": "tests/test_contributing.py",
    "ruff check . && ruff format .": "tests/test_contributing.py",
    "plugrad stubs": "tests/cli/test_stubs.py",
    "plugrad stubs --check": "tests/cli/test_stubs.py",
    "plugrad new-op special/expint": "tests/cli/test_new_op.py",
    "plugrad demo": "tests/cli/test_demo.py",
    "python examples/custom_op_in_torch.py": "tests/test_examples.py",
    "python examples/gpt2_finetune.py": "tests/test_examples.py",
    "python examples/physics_informed.py solution.png": "tests/test_examples.py",
    "python examples/resnet_digits.py": "tests/test_examples.py",
}

_CI = "`bash .ci/run` runs it"
_INSTALLS = "it installs from an index"
_MINUTES = "it takes minutes"
_HALF = "it names a part of a command, or stands for many"
_RELEASE = "it makes a release"
_GIT = "it needs the repository's address, or changes the repository"
_WRITES = "it writes pages of this repository, and takes minutes"

#: Commands, or regular expressions of them, and why they are not run. Their parts are looked at.
NOT_RUN = {
    # --- placeholders ---
    r"plugrad \.\.\.|python -m plugrad \.\.\.|python -[cPm]|python -m \.\.\.": _HALF,
    r"pip install|pip install -e": _HALF,
    r"plugrad check OP --law [a-z-]+|plugrad explain LAW": _HALF,
    r"plugrad ops --pack NAME|plugrad show pack::op|plugrad new-pack": _HALF,
    # --- what is not here, and what nobody wants done by a test ---
    r".*pip install .+|pip install .+|bash \.ci/with-torch .+": _INSTALLS,
    r"plugrad demo --device cuda --out plots": "it needs a GPU",
    r"plugrad check --device cuda": "it needs a GPU",
    r"PLUGRAD_TEST_DEVICE=cuda python -m pytest.*": "it needs a GPU",
    r"git .+|cd plugrad|\. \.venv/bin/activate|python -m venv \.venv": _GIT,
    r"mkdir -p \.typing .+|mypy|lint-imports|mkdocs build --strict|bash \.ci/run": _CI,
    r"export PLUGRAD_PACKS=.+": "tests/plugins/test_selection.py sets it",
    r"towncrier .+|python -m build|python -m plugrad\.benchmarks\.publish .+": _RELEASE,
    r"/tmp/try/bin/plugrad .+": _RELEASE,
    r"plugrad softclip .+": "tests/cli/test_pack_commands.py types such commands of a pack",
    # --- minutes ---
    r"plugrad (check|strength) special::.*|plugrad special accuracy.*": _CI,
    r"cd packs/plugrad-special && python -m pytest": _CI,
    r"python -m pytest.*": "it runs these tests",
    r"python benchmarks/.+": _MINUTES,
    r"python -m plugrad\.tests\.(downstream|fuzz|museum|stress)\.run.*": _MINUTES,
    r"plugrad check entmax: --samples tests/downstream/samples/entmax\.py": _CI,
    r"python -m plugrad\.tests\.controls\..+": _WRITES,
    r'python -c "\nimport torch.*': "its op is written by the reader; tests/test_contributing.py",
}

#: What the reader has made before a command is typed: packs and ops, by their names.
MADE = {"gudermannian", "plugrad-softclip", "accept.py", "swish"}
