"""examples/tiny in PyTorch 1.13 or newer, on the CPU, in float32.

The formulas are model.ts's. What a matrix product reads together is stored together (q, kvDown and kRope; k and v; gate and
up), as views of which Muon and the comparison with mlac see the single matrices. All matrices are [reads, writes].
"""
import math
import torch
import torch.nn.functional as F
from attention import CausalAttention

EPS = 1e-6
THETA = 10_000.0
BALANCE = 0.01
TOP_K = 2


class RmsNorm(torch.autograd.Function):
    """x / sqrt(mean(x²) + eps) · gain. By hand, because autograd would keep and pass over three more arrays of x's size."""

    @staticmethod
    def forward(ctx, x, gain):
        length = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        inverse = length.square_().mul_(1 / x.shape[-1]).add_(EPS).rsqrt_()
        ctx.save_for_backward(x, gain, inverse)
        return torch.mul(x, inverse).mul_(gain)

    @staticmethod
    def backward(ctx, dy):
        x, gain, inverse = ctx.saved_tensors
        unit = x * inverse
        product = dy * unit
        gain_gradient = product.sum(tuple(range(x.dim() - 1)))
        along = torch.matmul(product, gain).mul_(1 / x.shape[-1]).unsqueeze_(-1)
        dx = torch.mul(dy, gain).addcmul_(unit, along, value=-1).mul_(inverse)
        return dx, gain_gradient


rms = RmsNorm.apply


class Turn(torch.autograd.Function):
    """RoPE on the last columns of x [B, T, H, A], in x itself: no parts to join."""

    @staticmethod
    def forward(ctx, x, cos, sin):
        ctx.mark_dirty(x)
        ctx.save_for_backward(cos, sin)
        turn(x, cos, sin)
        return x

    @staticmethod
    def backward(ctx, dy):
        cos, sin = ctx.saved_tensors
        dx = dy.clone()
        turn(dx, cos, -sin)
        return dx, None, None


def turn(x, cos, sin):
    half = cos.shape[-1]
    first, second = x[..., -2 * half : -half], x[..., -half:]
    across = first * sin
    first.mul_(cos).addcmul_(second, sin, value=-1)
    second.mul_(cos).add_(across)


class SwiGlu(torch.autograd.Function):
    """silu(gate) · up for the two halves of a row; keeps its input only."""

    @staticmethod
    def forward(ctx, both):
        ctx.save_for_backward(both)
        gate, up = both.chunk(2, -1)
        return F.silu(gate).mul_(up)

    @staticmethod
    def backward(ctx, dy):
        (both,) = ctx.saved_tensors
        gate, up = both.chunk(2, -1)
        gradient = torch.empty_like(both)
        d_gate, d_up = gradient.chunk(2, -1)
        sigmoid = torch.sigmoid(gate)
        torch.mul(gate, sigmoid, out=d_up)                      # silu(gate), for a moment
        torch.mul(d_up, 1 - sigmoid, out=d_gate)
        d_gate.add_(sigmoid).mul_(dy).mul_(up)                  # silu' = sigmoid + silu·(1 − sigmoid)
        d_up.mul_(dy)
        return gradient


class GroupedLinear(torch.autograd.Function):
    """rows · w[e] for each expert's range of rows, straight into one array: no list of parts to join."""

    @staticmethod
    def forward(ctx, rows, w, ends):
        ctx.save_for_backward(rows, w)
        ctx.ends = ends
        out = rows.new_empty(rows.shape[0], w.shape[2])
        for e, (begin, end) in enumerate(ends):
            torch.mm(rows[begin:end], w[e], out=out[begin:end])
        return out

    @staticmethod
    def backward(ctx, dy):
        rows, w = ctx.saved_tensors
        d_rows, d_w = torch.empty_like(rows), torch.empty_like(w)
        for e, (begin, end) in enumerate(ctx.ends):
            torch.mm(dy[begin:end], w[e].t(), out=d_rows[begin:end])
            torch.mm(rows[begin:end].t(), dy[begin:end], out=d_w[e])
        return d_rows, d_w, None


fused = hasattr(F, "scaled_dot_product_attention")


def attention(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, is_causal=True) if fused else CausalAttention.apply(q, k, v)


class Model:
    def __init__(self, sizes, layers):
        self.s, self.layers = sizes, layers
        s = sizes
        self.heads, self.a = s["H"], s["N"] + s["R"]
        self.p = {}
        self.views = {}                                         # mlac's name -> function of a fused tensor's like that gives the part
        self.kinds = {}
        self.add("embed", "embedding", (s["V"], s["D"]))
        for path in self.paths():
            self.add(f"{path}.attnNorm", "gain", (s["D"],))
            self.add(f"{path}.attn.in", "weight", (s["D"],), q=self.heads * self.a, kvDown=s["C"], kRope=s["R"])
            self.add(f"{path}.attn.kvNorm", "gain", (s["C"],))
            self.add(f"{path}.attn.kv", "weight", (s["C"],), k=self.heads * s["N"], v=self.heads * s["U"])
            self.add(f"{path}.attn.qNorm", "gain", (self.a,))
            self.add(f"{path}.attn.kNorm", "gain", (self.a,))
            self.add(f"{path}.attn.out", "weight", (self.heads * s["U"], s["D"]))
            self.add(f"{path}.ffnNorm", "gain", (s["D"],))
            if path == "first":
                self.add(f"{path}.ffn.in", "weight", (s["D"],), gate=s["W"], up=s["W"])
                self.add(f"{path}.ffn.down", "weight", (s["W"], s["D"]))
            else:
                self.add(f"{path}.moe.router", "router", (s["D"], s["E"]))
                self.add(f"{path}.moe.in", "weight", (s["E"], s["D"]), gate=s["F"], up=s["F"])
                self.add(f"{path}.moe.down", "weight", (s["E"], s["F"], s["D"]))
                self.add(f"{path}.moe.sharedIn", "weight", (s["D"],), sharedGate=s["S"], sharedUp=s["S"])
                self.add(f"{path}.moe.sharedDown", "weight", (s["S"], s["D"]))
        self.add("norm", "gain", (s["D"],))
        self.add("head", "embedding", (s["V"], s["D"]))
        at = torch.arange(s["T"], dtype=torch.float64)[:, None] * THETA ** (-torch.arange(0, s["R"], 2, dtype=torch.float64) / s["R"])
        self.cos, self.sin = at.cos().float()[None, :, None], at.sin().float()[None, :, None]
        # 1/sqrt(A) goes into the gain of q, which is short; PyTorch's own attention scales by itself.
        self.scale = 1 if fused else 1 / math.sqrt(self.a)

    def paths(self):
        return ["first", *(f"layers.{i}" for i in range(self.layers))]

    def add(self, name, kind, shape, **parts):
        """One tensor; `parts` are the matrices that lie side by side in its last dimension, by their names in model.ts."""
        whole = (*shape, sum(parts.values())) if parts else shape
        self.p[name] = torch.zeros(whole, requires_grad=True)
        self.kinds[name] = kind
        begin, path = 0, name.rpartition(".")[0]
        for part, width in parts.items():
            self.views[f"{path}.{part}"] = (name, begin, width)
            begin += width
        if not parts:
            self.views[name] = (name, 0, whole[-1])

    def part(self, name, tensors):
        """The matrix that model.ts calls `name`, as a view of the tensor it is stored in. `tensors` has the keys of self.p."""
        whole, begin, width = self.views[name]
        return tensors[whole].narrow(-1, begin, width)

    def attention(self, path, x):
        s, p, heads = self.s, self.p, self.heads
        batch, length, nope, turning, u = s["B"], s["T"], s["N"], s["R"], s["U"]
        q, latent, turned = torch.mm(x, p[f"{path}.in"]).split((heads * self.a, s["C"], turning), -1)
        k, v = torch.mm(rms(latent, p[f"{path}.kvNorm"]), p[f"{path}.kv"]).split((heads * nope, heads * u), -1)
        shared = turned.view(batch, length, 1, turning).expand(batch, length, heads, turning)
        k = torch.cat((k.view(batch, length, heads, nope), shared), -1)
        q = Turn.apply(rms(q.reshape(batch, length, heads, self.a), p[f"{path}.qNorm"] * self.scale), self.cos, self.sin)
        k = Turn.apply(rms(k, p[f"{path}.kNorm"]), self.cos, self.sin)
        mixed = attention(*(t.view(batch, length, heads, -1).transpose(1, 2) for t in (q, k, v)))
        return torch.mm(mixed.transpose(1, 2).reshape(batch * length, heads * u), p[f"{path}.out"])

    def experts(self, path, x):
        p, count = self.p, self.s["E"]
        tokens = x.shape[0]
        scores = torch.mm(x, p[f"{path}.router"]).softmax(-1)
        top, choice = scores.topk(TOP_K, -1)
        gates = top / top.sum(-1, keepdim=True)
        choice = choice.view(-1)
        load = torch.bincount(choice, minlength=count)
        balance = torch.dot(load.float(), scores.mean(0)) * (BALANCE * count / (tokens * TOP_K))
        order = choice.argsort(stable=True)
        source = order.div(TOP_K, rounding_mode="floor")
        ends = load.cumsum(0).tolist()
        ends = list(zip([0, *ends], ends))
        hidden = SwiGlu.apply(GroupedLinear.apply(x.index_select(0, source), p[f"{path}.in"], ends))
        rows = GroupedLinear.apply(hidden, p[f"{path}.down"], ends) * gates.view(-1)[order].unsqueeze(-1)
        shared = torch.mm(SwiGlu.apply(torch.mm(x, p[f"{path}.sharedIn"])), p[f"{path}.sharedDown"])
        return shared.index_add(0, source, rows), balance

    def forward(self, tokens, targets):
        """Mean cross entropy and the balance loss, from tokens and targets [B, T] int64."""
        p = self.p
        x = F.embedding(tokens.view(-1), p["embed"])
        balance = torch.zeros(())
        for path in self.paths():
            x = x + self.attention(f"{path}.attn", rms(x, p[f"{path}.attnNorm"]))
            y = rms(x, p[f"{path}.ffnNorm"])
            if path == "first":
                x = x + torch.mm(SwiGlu.apply(torch.mm(y, p[f"{path}.ffn.in"])), p[f"{path}.ffn.down"])
            else:
                routed, part = self.experts(f"{path}.moe", y)
                x, balance = x + routed, balance + part
        logits = torch.mm(rms(x, p["norm"]), p["head"].t())
        return F.cross_entropy(logits, targets.view(-1)), balance
