"""A model's forward graph, as mlac lowers it, run by PyTorch: one function for each op, autograd for the rest.

The program is JSON (compiler/bench/torchProgram.ts writes it): values have numbers, a loop over layers has a body. Traced by torch.compile, loops
are unrolled and none of this is left. Parameters keep mlac's names; a stack of layers is a list of tensors.
"""
import torch
import torch.nn.functional as F
from attention import CausalAttention
from model import GroupedLinear

fused = hasattr(F, "scaled_dot_product_attention")
grouped = getattr(torch, "_grouped_mm", None)


def rms(x, gain, eps):
    wide = x.float()
    return (wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + eps) * gain.float()).to(x.dtype)


def layer(x, gain, bias, eps):
    return F.layer_norm(x.float(), x.shape[-1:], gain.float(), bias.float(), eps).to(x.dtype)


def angles(a, shape):
    """cos and sin, broadcast to all but the last dimension of the shape."""
    half, length = a["width"] // 2, shape[a["axis"]]
    at = torch.arange(length, dtype=torch.float64)[:, None] * a["theta"] ** (-torch.arange(half, dtype=torch.float64) * 2 / a["width"])
    at = at.reshape(length, *([1] * (len(shape) - a["axis"] - 2)), half)
    return at.cos().float(), at.sin().float()


def rope(x, a, cos, sin):
    """Pairs of columns (i, i + width/2) of a part of the row, turned by their position."""
    offset, half = a["offset"], a["width"] // 2
    before, first, second, after = x.split((offset, half, half, x.shape[-1] - offset - 2 * half), -1)
    u, v = first.float(), second.float()
    return torch.cat((before, (u * cos - v * sin).to(x.dtype), (v * cos + u * sin).to(x.dtype), after), -1)


def attention(q, k, v, a):
    """[B T H A], with as many heads of keys as divide the queries'."""
    if k.shape[-2] != q.shape[-2]:
        k, v = (t.repeat_interleave(q.shape[-2] // t.shape[-2], -2) for t in (k, v))
    q, k, v = (t.transpose(1, 2) for t in (q, k, v))
    # PyTorch's own scale is that of the width; another is put on the queries.
    usual = q.shape[-1] ** -0.5
    if fused:
        q = q if abs(a["scale"] - usual) < 1e-9 else q * (a["scale"] / usual)
        return F.scaled_dot_product_attention(q, k, v, is_causal=a["causal"]).transpose(1, 2)
    if a["causal"]:
        return CausalAttention.apply(q * a["scale"], k, v).transpose(1, 2)
    return torch.matmul((q * a["scale"]).matmul(k.transpose(-1, -2)).softmax(-1), v).transpose(1, 2)


def route(logits, bias, a):
    """Gates, choice, slot, source, offsets, load, probabilities, balance: see compiler/ops/route.ts."""
    count, top = logits.shape[-1], a["topK"]
    wide = logits.float().reshape(-1, count)
    p = wide.softmax(-1) if a["score"] == "softmax" else wide.sigmoid()
    choice = (p if bias is None else p + bias.float()).topk(top, -1)[1]
    chosen = p.gather(-1, choice)
    gates = chosen / chosen.sum(-1, keepdim=True) * a["scale"]
    flat = choice.reshape(-1)
    load = torch.zeros(count, device=p.device).scatter_add_(0, flat, torch.ones_like(flat, dtype=torch.float32))
    source = flat.argsort(stable=True)
    balance = a["aux"] * count * torch.dot(load / flat.numel(), (p / p.sum(-1, keepdim=True)).mean(0))
    offsets = load.cumsum(0).to(torch.int32)
    return gates, choice, None, source, offsets, load, p, balance


def experts(rows, w, offsets):
    """rows · w[e] for each expert's rows; offsets are their ends."""
    if grouped is not None and rows.is_cuda:
        return grouped(rows, w, offs=offsets)
    ends = offsets.tolist()
    return GroupedLinear.apply(rows, w, list(zip([0, *ends], ends)))


def spread(x, shape):
    """Repeated over new dimensions, which stand before the last."""
    new = len(shape) - x.dim()
    return x.reshape(*x.shape[:-1], *([1] * new), *x.shape[-1:]).expand(shape)


pointwise = {
    "add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div, "neg": torch.neg, "exp": torch.exp, "log": torch.log,
    "sqrt": torch.sqrt, "square": torch.square, "tanh": torch.tanh, "sigmoid": torch.sigmoid, "silu": F.silu, "relu": torch.relu,
    "swiglu": lambda gate, up: F.silu(gate) * up,
}


class Graph(torch.nn.Module):
    """`tensors` are the parameters by mlac's names, contiguous and in the shapes of model.ts."""

    def __init__(self, program, tensors):
        super().__init__()
        self.program = program
        # A module's names have no dots.
        self.stored = torch.nn.ParameterList(tensors.values())
        self.places = {name: i for i, name in enumerate(tensors)}
        self.tables = []
        self.body = self.together(program["body"], next(iter(tensors.values())).device)

    def forward(self, tokens, targets):
        """Mean cross entropy, balance loss."""
        program = self.program
        values = {}
        for given in program["parameters"]:
            all_layers = [self.stored[self.places[name]] for name in given["tensors"]]
            values[given["id"]] = all_layers if given["stacked"] else all_layers[0]
        values[program["tokens"]], values[program["targets"]] = tokens, targets
        self.run(self.body, values)
        balance = [values[i] for i in program["balance"]]
        return values[program["loss"]], sum(balance, torch.zeros((), device=tokens.device))

    def run(self, body, values):
        for op in body:
            if op["kind"] == "repeat":
                self.loop(op, values)
            else:
                results = self.one(op, [values[i] for i in op["inputs"]])
                for name, value in zip(op["outputs"], results):
                    values[name] = value

    def loop(self, op, values):
        loop = op["loop"]
        count, carried = loop["count"], len(loop["carried"])
        now, stacked = [values[i] for i in op["inputs"][:carried]], [values[i] for i in op["inputs"][carried:]]
        kept = [[] for _ in loop["stacks"]]
        for i in range(count):
            for name, value in zip(loop["carried"], now):
                values[name] = value
            for name, value in zip(loop["slices"], stacked):
                part = len(value) // count
                values[name] = value[i] if part == 1 else value[i * part : (i + 1) * part]
            self.run(loop["body"], values)
            now = [values[name] for name in loop["yields"]]
            for all_rounds, name in zip(kept, loop["stacks"]):
                all_rounds.append(values[name])
        kept = [torch.stack(one) if isinstance(one[0], torch.Tensor) else one for one in kept]
        for name, value in zip(op["outputs"], [*now, *kept]):
            values[name] = value

    def one(self, op, x):
        kind, a, shape = op["kind"], op["attrs"], op["shape"]
        if kind in pointwise:
            return [pointwise[kind](*x)]
        if kind == "linears":                                  # several weights over one left operand
            return self.linears(a, op["shapes"], x)
        if kind == "rmsnorm":
            return [rms(x[0], x[1], a["eps"])]
        if kind == "layernorm":
            return [layer(x[0], x[1], x[2], a["eps"])]
        if kind == "softmax":
            return [x[0].float().softmax(-1).to(x[0].dtype)]
        if kind == "scale":
            return [x[0] * a["by"]]
        if kind == "shift":
            return [x[0] + a["by"]]
        if kind == "rope":
            return [rope(x[0], a, *self.tables[op["table"]])]
        if kind == "attention":
            return [attention(x[0], x[1], x[2], a), None]
        if kind == "lookup":
            return [F.embedding(x[1], x[0].reshape(x[0].shape[0], -1)).reshape(shape)]
        if kind == "concat":
            return [torch.cat((x[0], x[1]), -1)]
        if kind == "part":
            return [x[0].narrow(-1, a["offset"], a["size"])]
        if kind == "expand":
            return [spread(x[0], shape)]
        if kind == "sumOver":
            return [x[0].sum(a["axes"])]
        if kind == "route":
            return route(x[0], x[1] if len(x) > 1 else None, a)
        if kind == "dispatch":
            return [x[0].reshape(-1, x[0].shape[-1]).index_select(0, x[1] // a["topK"])]
        if kind == "combine":
            rows, source = x[0], x[2]
            gates = x[3].reshape(-1, 1).index_select(0, source).to(rows.dtype) if len(x) > 3 else 1
            tokens = shape.numel() // rows.shape[-1]
            out = torch.zeros(tokens, rows.shape[-1], device=rows.device, dtype=rows.dtype)
            return [out.index_add(0, source // (len(source) // tokens), rows * gates).reshape(shape)]
        if kind == "linearCrossEntropy":
            logits = x[0].reshape(-1, x[0].shape[-1]) @ x[1].reshape(x[1].shape[0], -1).t()
            return [F.cross_entropy(logits.float(), x[2].reshape(-1)), None]
        raise NotImplementedError(f"PyTorch's side has no {kind} yet")

    def linears(self, a, shapes, x):
        left, weights, offsets = x[0], x[1 : 1 + len(shapes)], x[1 + len(shapes) :]
        if a["each"]:
            parts = [w.reshape(w.shape[0], left.shape[-1], -1) for w in weights]
            joined = parts[0] if len(parts) == 1 else torch.cat(parts, -1)
            product = experts(left.contiguous(), joined, offsets[0])
        else:
            width = 1
            for size in left.shape[left.dim() - a["reads"] :]:
                width *= size
            parts = [w.reshape(width, -1) for w in weights]
            joined = parts[0] if len(parts) == 1 else torch.cat(parts, -1)
            left = left.reshape(-1, width)
            product = left.float() @ joined.float() if a["wide"] else left @ joined
        return [part.reshape(shape) for part, shape in zip(product.split([p.shape[-1] for p in parts], -1), shapes)]

    def together(self, body, device):
        """Linear ops over one left operand become one: PyTorch's products like to be few and wide."""
        result, groups = [], {}
        for op in body:
            if op["kind"] == "repeat":
                result.append({**op, "loop": {**op["loop"], "body": self.together(op["loop"]["body"], device)}})
            elif op["kind"] == "linear":
                x, w, *offsets = op["inputs"]
                key = (x, *offsets, op["attrs"]["reads"], op["attrs"]["each"], op["attrs"]["wide"])
                if key in groups:
                    one = groups[key]
                    at = 1 + len(one["shapes"])
                    one["inputs"].insert(at, w)
                    one["outputs"].append(op["outputs"][0])
                    one["shapes"].append(op["shape"])
                else:
                    groups[key] = {"kind": "linears", "inputs": [x, w, *offsets], "outputs": list(op["outputs"]), "attrs": op["attrs"], "shape": op["shape"], "shapes": [op["shape"]]}
                    result.append(groups[key])
            else:
                if op["kind"] == "rope":
                    # Made once, so that a compiler sees a constant.
                    op = {**op, "table": len(self.tables)}
                    self.tables.append(tuple(t.to(device) for t in angles(op["attrs"], op["shape"])))
                result.append({**op, "shape": torch.Size(op["shape"])})
        return result
