"""BAD_PACKS: the code of each kind of pack that must be set aside, and what is said of it."""

from __future__ import annotations

from plugrad.tests.plugins.site import GOOD, IMPORTS, hook, op_class, pack_of

BAD_PACKS = {
    "raises on import": (
        "1 / 0",
        ["ZeroDivisionError: division by zero", "fix: plugrad doctor shows the traceback"],
    ),
    "imports a missing dependency": (
        "import a_module_that_is_missing",
        ["No module named 'a_module_that_is_missing'", "fix: install a_module_that_is_missing"],
    ),
    "imports a missing part of its own": (
        "import bad.part",
        ["No module named 'bad.part'", "fix: install bad again"],
    ),
    "an op with a wrong signature": (
        GOOD.replace("def forward(ctx, x)", "def forward(ctx, x, **options)"),
        ["OpDefinitionError", "options", "fix: "],
    ),
    "two ops of one name": (
        IMPORTS + op_class("same") + op_class("same", name="Other") + hook("Double", "Other"),
        ["are both the op 'same'", "fix: give one of them another name in @op"],
    ),
    "two ops of one name and class name": (
        IMPORTS
        + op_class("same")
        + "First = Double\n"
        + op_class("same")
        + hook("First", "Double"),
        ["are both the op 'same'", "fix: give one of them another name in @op"],
    ),
    "two ops with one method": (
        IMPORTS
        + op_class("one", declared="methods=('same',)")
        + op_class("other", name="Other", declared="methods=('same',)")
        + hook("Double", "Other"),
        ["the method 'same' is claimed by bad", "belongs to one of bad", "fix: choose another"],
    ),
    "claims a name of Variable's own": (
        pack_of("double", declared="methods=('backward',)"),
        ["'backward', which belongs to Variable itself", "fix: choose another name"],
    ),
    "an op that names another pack": (
        pack_of("fine::double"),
        ["'fine::double' names the pack 'fine'", "fix: call it bad::double"],
    ),
    "registers what is no op": (
        IMPORTS + hook("3"),
        ["3 was not declared with @op", "fix: decorate it"],
    ),
    "a typo in a hook's name": (
        GOOD.replace("plugrad_register_ops", "plugrad_registr_op"),
        ["no hook 'plugrad_registr_op'", "fix: did you mean plugrad_register_ops"],
    ),
    "a hook with a wrong argument": (
        GOOD.replace("(registry)", "(regstry)", 1).replace("registry.add", "regstry.add"),
        ["PluginValidationError", "regstry", "fix: "],
    ),
    "no hook at all": (
        GOOD.replace("@pg.hookimpl", ""),
        ["it has no hook", "fix: decorate plugrad_register_ops with @plugrad.hookimpl"],
    ),
    "calls sys.exit on import": (
        "import sys\nsys.exit(3)",
        ["SystemExit: 3", "fix: plugrad doctor"],
    ),
    "calls sys.exit in its hook": (
        GOOD.replace("registry.add(Double)", "registry.add(Double); raise SystemExit(0)"),
        ["SystemExit: 0", "fix: plugrad doctor"],
    ),
    "raises halfway through its hook": (
        GOOD.replace("registry.add(Double)", "registry.add(Double); 1 / 0"),
        ["ZeroDivisionError", "fix: plugrad doctor"],
    ),
}
