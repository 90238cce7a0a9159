"""The hooks of a pack that brings a law and a fault."""

CHECKS = """
@pg.hookimpl
def plugrad_register_checks(laws, faults):
    from plugrad.testing import Violation, returning

    @laws.law("sea-small", "first order")
    def small(case):
        '''A gradient is below a hundred.'''
        call = case.call()
        for gradient in call.vjp(call.cotangents()):
            if gradient is not None and (gradient.abs() > 100).any():
                raise Violation("it is not")

    @faults.fault("sea-huge", "add a sample")
    def huge(subject, variant):
        '''Every gradient is a million times as large.'''
        return returning(subject.function, lambda gradient, _: gradient * 1e6)
"""
