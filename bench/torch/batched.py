"""Muon and AdamW as a training plan of mlac asks for them: the matrices of one shape go through Newton-Schulz as one batch."""
import math
import torch
from optimizer import newton_schulz

compiled = None


def orthogonal(x, steps):
    """On a GPU in bfloat16 and compiled; at most 2^28 numbers at a time."""
    global compiled
    if not x.is_cuda:
        return newton_schulz(x, steps)
    if compiled is None:
        compiled = torch.compile(newton_schulz, dynamic=False)
    largest = max(1, 2**28 // (x.shape[-1] * x.shape[-2]))
    return torch.cat([compiled(part, steps) for part in x.bfloat16().split(largest)])


class Muon:
    """`parameters`: tensor, rows of its matrices, settings. Moments are float32."""

    def __init__(self, parameters, rate):
        self.p = [(p, rows, settings["lr"] * rate, settings) for p, rows, settings in parameters]
        self.m = [torch.zeros_like(p, dtype=torch.float32) for p, *_ in self.p]

    @torch.no_grad()
    def step(self):
        batches = {}
        for i, (p, rows, _, settings) in enumerate(self.p):
            u, momentum = p.grad.float(), settings["momentum"]
            self.m[i].lerp_(u, 1 - momentum)
            u = u.lerp(self.m[i], momentum)                              # Nesterov: 0.05·g + 0.95·m
            columns = p.numel() // settings["matrices"] // rows
            u = u.reshape(-1, rows, columns)
            u = u.bfloat16() if u.is_cuda else u                             # half to move, and what orthogonal() works in
            u = u.transpose(-1, -2) if rows > columns else u
            batches.setdefault((*u.shape[-2:], settings["steps"]), []).append((i, rows > columns, u))
        for (_, wide, steps), members in batches.items():
            moved = orthogonal(torch.cat([u for *_, u in members]), steps).split([len(u) for *_, u in members])
            for (i, tall, _), u in zip(members, moved):
                p, _, lr, settings = self.p[i]
                u = (u.transpose(-1, -2) if tall else u).reshape(p.shape)
                if settings["weightDecay"]:
                    p.mul_(1 - lr * settings["weightDecay"])
                p.add_(u.to(p.dtype), alpha=-lr * 0.2 * math.sqrt(wide))


def adamw(parameters, rate):
    """One group for each settings; `parameters`: tensor, settings."""
    groups = {}
    for p, settings in parameters:
        key = (settings["lr"], *settings["betas"], settings["eps"], settings["weightDecay"])
        groups.setdefault(key, []).append(p)
    given = [dict(params=all_p, lr=lr * rate, betas=(b1, b2), eps=eps, weight_decay=decay) for (lr, b1, b2, eps, decay), all_p in groups.items()]
    if not given:
        return None
    cuda = parameters[0][0].is_cuda
    return torch.optim.AdamW(given, **(dict(fused=True) if cuda else dict(foreach=True)))
