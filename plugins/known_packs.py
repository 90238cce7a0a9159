"""Packs that can be installed, and the ops they bring, so that an error can name them."""

from __future__ import annotations

#: By distribution: the ops it brings, by their last name. A test compares them with the packs
#: of this repository.
KNOWN_PACKS: dict[str, frozenset[str]] = {
    "plugrad-special": frozenset(
        """
        airy_ai bessel_j0 bessel_j1 bessel_jn bessel_y0 bessel_y1 bessel_yn
        chebyshev_polynomial_t chebyshev_polynomial_u chebyshev_polynomial_v
        chebyshev_polynomial_w hermite_polynomial_h hermite_polynomial_he igamma igammac
        laguerre_polynomial_l legendre_polynomial_p modified_bessel_i0 modified_bessel_i1
        modified_bessel_in modified_bessel_k0 modified_bessel_k1 scaled_modified_bessel_k0
        scaled_modified_bessel_k1 shifted_chebyshev_polynomial_t shifted_chebyshev_polynomial_u
        shifted_chebyshev_polynomial_v shifted_chebyshev_polynomial_w spherical_bessel_j0
        spherical_bessel_jn zeta
        """.split()  # noqa: SIM905 (to be read)
    ),
}
#: torch's other names for some of them.
_ALIASES = {"gammainc": "igamma", "gammaincc": "igammac"}


def bring(name: str) -> str:
    """``pip install plugrad-special brings it; or ``, to put into a fix; empty if no pack does.

    Args:
        name: an op's or a torch function's: ``bessel_j0``, ``torch.special.bessel_j0``.
    """
    last = name.rpartition(".")[2].removeprefix("special_")
    last = _ALIASES.get(last, last)
    for distribution, names in KNOWN_PACKS.items():
        if last in names:
            return f"`pip install {distribution}` brings {last}; or "
    return ""
