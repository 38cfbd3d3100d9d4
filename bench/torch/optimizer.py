"""Muon with the matrices of one shape as one batch, AdamW over lists of tensors, and clipping by the norm of all gradients."""
import math
import torch


def newton_schulz(x, steps):
    """Five steps towards the nearest orthogonal matrices, for x [n, rows, columns] with rows ≤ columns."""
    x = x / (torch.linalg.vector_norm(x, dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = torch.bmm(x, x.transpose(-1, -2))
        polynomial = torch.baddbmm(gram, gram, gram, beta=-4.7750, alpha=2.0315)
        x = torch.baddbmm(x, polynomial, x, beta=3.4445)
    return x


class Muon:
    def __init__(self, model, lr, decay, momentum=0.95, steps=5):
        self.lr, self.decay, self.momentum, self.steps = lr, decay, momentum, steps
        self.names = [name for name, kind in model.kinds.items() if kind == "weight"]
        self.p = [model.p[name] for name in self.names]
        self.m = [torch.zeros_like(p) for p in self.p]
        places = {name: i for i, name in enumerate(self.names)}
        self.groups = {}
        for name, (whole, begin, width) in model.views.items():
            if whole not in places:
                continue
            rows, columns = model.p[whole].shape[-2], width
            shape = (min(rows, columns), max(rows, columns))
            self.groups.setdefault(shape, []).append((places[whole], begin, width, rows > columns))

    def step(self, rate=1.0):
        gradients = [p.grad for p in self.p]
        weights = [p.detach() for p in self.p]
        torch._foreach_mul_(self.m, self.momentum)
        torch._foreach_add_(self.m, gradients, alpha=1 - self.momentum)
        torch._foreach_mul_(gradients, 1 - self.momentum)               # Nesterov: u = 0.05·g + 0.95·m
        torch._foreach_add_(gradients, self.m, alpha=self.momentum)
        lr = self.lr * rate
        if self.decay:
            torch._foreach_mul_(weights, 1 - lr * self.decay)
        for shape, parts in self.groups.items():
            views = [self.view(gradients[i], begin, width, tall) for i, begin, width, tall in parts]
            u = newton_schulz(torch.cat([v.reshape(-1, *shape) for v in views]), self.steps)
            size = -lr * 0.2 * math.sqrt(shape[1])
            for (i, begin, width, tall), v in zip(parts, u.split([v[..., 0, 0].numel() for v in views])):
                target = self.view(weights[i], begin, width, tall)
                target.add_(v.view(target.shape), alpha=size)

    @staticmethod
    def view(tensor, begin, width, tall):
        part = tensor.narrow(-1, begin, width)
        return part.transpose(-1, -2) if tall else part


def adamw(model, lr):
    """Everything that is not a weight. This example's AdamW has no decay, for gains or others."""
    tensors = [model.p[name] for name, kind in model.kinds.items() if kind != "weight"]
    return torch.optim.AdamW(tensors, lr=lr, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.0, foreach=True)


def clip(tensors, largest):
    """Scales all gradients so that their norm together is at most `largest`. Gives the norm before."""
    gradients = [p.grad for p in tensors]
    norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
    factor = float(largest / (norm + 1e-6))
    if factor < 1:
        torch._foreach_mul_(gradients, factor)
    return float(norm)
