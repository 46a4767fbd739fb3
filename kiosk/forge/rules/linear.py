"""Matrix products."""

from __future__ import annotations

from kiosk.forge.gradient.tape import Tensor
from kiosk.forge.rules.broadcast import unbroadcast
from kiosk.forge.rules.table import Step, gradient


@gradient("Gemm", inputs=(0, 1, 2))
def gemm(step: Step, dy: Tensor) -> Tensor:
    """y = alpha A B + beta C, with A and B transposed according to transA and transB."""
    ta, tb = step.attribute("transA", 0), step.attribute("transB", 0)
    if step.k == 2:
        return unbroadcast(dy * step.attribute("beta", 1.0), step.input, step.y)
    # With A' and B' the factors after transposing: dA' = dy B'^T, dB' = A'^T dy, transposed back if A or B was.
    other = step.arg(1 - step.k)
    left, right, t_left, t_right = {
        (0, 0): (dy, other, 0, 1 - tb),
        (0, 1): (other, dy, tb, 1),
        (1, 0): (other, dy, 1 - ta, 0),
        (1, 1): (dy, other, 1, ta),
    }[step.k, ta if step.k == 0 else tb]
    return step.op("Gemm", left, right, alpha=step.attribute("alpha", 1.0), transA=t_left, transB=t_right)


@gradient("MatMul", inputs=(0, 1))
def matmul(step: Step, dy: Tensor) -> Tensor:
    """y = A B over the last two axes, the others broadcast; a vector is a matrix of one row (A) or column (B)."""
    op, ints = step.op, step.tape.ints
    a, b, batch = step.arg(0), step.arg(1), step.y.shape
    for k, axis in ((0, -2), (1, -1)):
        if step.arg(k).rank == 1:
            dy = op("Unsqueeze", dy, ints([axis]))
        else:
            batch = batch[:-1]
    a = a if a.rank > 1 else Tensor(step.tape, op("Unsqueeze", a, ints([0])).name, [1, *a.shape])
    b = b if b.rank > 1 else Tensor(step.tape, op("Unsqueeze", b, ints([1])).name, [*b.shape, 1])
    factor = (a, b)[step.k]
    product = op("MatMul", dy, _turned(b)) if step.k == 0 else op("MatMul", _turned(a), dy)
    whole = Tensor(step.tape, product.name, [*batch, *factor.shape[-2:]])
    dx = unbroadcast(product, factor, whole)
    return dx if step.input.rank > 1 else op("Reshape", dx, step.input.sizes())


def _turned(matrix: Tensor) -> Tensor:
    """Swap the last two axes."""
    axes = list(range(matrix.rank))
    return matrix.tape.op("Transpose", matrix, perm=[*axes[:-2], axes[-1], axes[-2]])
