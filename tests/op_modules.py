"""A contract for import-linter: an op never imports another op."""

from __future__ import annotations

from importlinter import Contract, ContractCheck, fields, output


class OpModulesContract(Contract):
    """Nothing in ``package`` imports an op's module.

    An op's module is one that is no package and has no leading underscore. A private
    module (``_shapes.py``) is a helper: ops may import it, it may not import an op.
    """

    package = fields.StringField()

    def check(self, graph, verbose):
        inside = graph.find_descendants(self.package)
        ops = {m for m in inside if not graph.find_children(m) and not _is_private(m)}
        found = sorted(
            (importer, op)
            for op in ops
            for importer in graph.find_modules_that_directly_import(op)
            if importer in inside
        )
        return ContractCheck(kept=not found, metadata={"found": found})

    def render_broken_contract(self, check):
        for importer, op in check.metadata["found"]:
            output.print_error(f"{importer} imports the op {op}")
        output.print(
            "fix: reach the op as a method (x.sin()) or through torch's API (torch.sin(x)); "
            "put code that ops share into a module with a leading underscore"
        )


def _is_private(module):
    return module.rsplit(".", 1)[1].startswith("_")
