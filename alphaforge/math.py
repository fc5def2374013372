"""Functions whose last bit is the same in python and compiled mode.

``x ** 2``, ``np.exp`` and the like come from different libraries in the two modes and differ in the
last bit; these are one set of compiled kernels that both call. They are parts: inlined, LLVM makes
``x * x`` of ``power(x, 2.0)``, which isn't what the same call gives from Python. Use them in
strategies as ``af.math.exp(x)``.
"""

from __future__ import annotations

import math as _math

from alphaforge.engine.jit import part


@part("float64(float64)")
def exp(x):
    """E to the power x."""
    return _math.exp(x)


@part("float64(float64)")
def log(x):
    """Natural logarithm; NaN for negative x, -inf for 0."""
    if x > 0.0:
        return _math.log(x)
    return -_math.inf if x == 0.0 else _math.nan


@part("float64(float64, float64)")
def power(x, y):
    """X to the power y."""
    return _math.pow(x, y)


@part("float64(float64)")
def sqrt(x):
    """Square root; NaN for negative x."""
    return _math.sqrt(x) if x >= 0.0 else _math.nan


@part("float64(float64)")
def tanh(x):
    """Hyperbolic tangent."""
    return _math.tanh(x)


@part("float64(float64)")
def sin(x):
    """Sine of x radians."""
    return _math.sin(x)


@part("float64(float64)")
def cos(x):
    """Cosine of x radians."""
    return _math.cos(x)


@part("float64(float64)")
def expm1(x):
    """E to the power x, less 1: exact for small x too."""
    return _math.expm1(x)


@part("float64(float64)")
def log1p(x):
    """Natural logarithm of 1 + x, exact for small x too; NaN for x below -1, -inf for -1."""
    if x > -1.0:
        return _math.log1p(x)
    return -_math.inf if x == -1.0 else _math.nan


@part("float64(float64)")
def atan(x):
    """Angle in radians whose tangent is x."""
    return _math.atan(x)


@part("float64(float64)")
def erf(x):
    """Error function; the normal distribution is ``0.5 * (1 + erf(x / sqrt(2)))``."""
    return _math.erf(x)
