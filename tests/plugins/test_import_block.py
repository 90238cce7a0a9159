"""import_block: imports as isort would have them."""

from __future__ import annotations

from plugrad.plugins.import_block import import_block


def test_groups_and_order():
    lines = {
        "from plugrad.core.variable import Variable",
        "from typing import Literal",
        "import torch",
        "from torch import Tensor",
        "import builtins",
        "from typing import Any",
        "import a_pack.kinds as _a_pack_kinds",
    }
    assert import_block(lines) == (
        "import builtins\n"
        "from typing import Any, Literal\n"
        "\n"
        "import a_pack.kinds as _a_pack_kinds\n"
        "import torch\n"
        "from torch import Tensor\n"
        "\n"
        "from plugrad.core.variable import Variable\n"
    )
