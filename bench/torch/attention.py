"""Causal attention by hand for PyTorch before 2.0, which has no fused one for the CPU.

Rows go in blocks, each against the keys up to its own end, so that a quarter of the square above the diagonal is never
computed; and one sequence after another, so that scores stay in the cache. With the sizes of examples/tiny this takes two
thirds of the time of matmul, softmax, matmul over the whole batch.
"""
import math
import torch

ROWS = 128


def blocks(length):
    return [(begin, min(begin + ROWS, length)) for begin in range(0, length, ROWS)]


class CausalAttention(torch.autograd.Function):
    """q, k [B, H, T, A] and v [B, H, T, U], q scaled already. Keeps the probabilities, as softmax of autograd would."""

    @staticmethod
    def forward(ctx, q, k, v):
        batch, heads, length, _ = q.shape
        out = q.new_empty(batch, heads, length, v.shape[-1])
        kept = []
        for begin, end in blocks(length):
            mask = torch.full((end - begin, end), -math.inf).triu_(begin + 1).expand(heads, -1, -1)
            probabilities = q.new_empty(batch, heads, end - begin, end)
            scores = q.new_empty(heads, end - begin, end)
            for b in range(batch):
                torch.baddbmm(mask, q[b, :, begin:end], k[b, :, :end].transpose(-1, -2), out=scores)
                torch._softmax(scores, -1, False, out=probabilities[b])
                torch.bmm(probabilities[b], v[b, :, :end], out=out[b, :, begin:end])
            kept.append(probabilities)
        ctx.save_for_backward(q, k, v, *kept)
        return out

    @staticmethod
    def backward(ctx, d_out):
        q, k, v, *kept = ctx.saved_tensors
        batch, heads, length, _ = q.shape
        dq, dk, dv = torch.empty_like(q), torch.zeros_like(k), torch.zeros_like(v)
        for probabilities, (begin, end) in zip(kept, blocks(length)):
            d_probabilities, d_scores = (q.new_empty(heads, end - begin, end) for _ in range(2))
            for b in range(batch):
                rows = slice(begin, end)
                p, d = probabilities[b], d_out[b, :, rows]
                dv[b, :, :end].baddbmm_(p.transpose(-1, -2), d)
                torch.bmm(d, v[b, :, :end].transpose(-1, -2), out=d_probabilities)
                torch._softmax_backward_data(d_probabilities, p, -1, torch.float32, grad_input=d_scores)
                torch.bmm(d_scores, k[b, :, :end], out=dq[b, :, rows])
                dk[b, :, :end].baddbmm_(d_scores.transpose(-1, -2), q[b, :, rows])
        return dq, dk, dv
