"""
What PyTorch takes for the work of mlac's largest kernels, at the presets' sizes: cuBLAS, cuDNN attention, torch._grouped_mm, compiled cross entropy.

    python3 bench/torch/kernels.py [--out FILE]

Random bf16 numbers, one GPU, CUDA events, the median of 20 after 5. FLOPs: 2 m n k of a product; of causal attention half the pairs
of queries and keys, 2 (A + U) forward and 2 (3 A + 2 U) backward for each.
"""
import argparse, datetime, json, statistics, sys

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

BF16 = torch.bfloat16
PRESETS = {
    "speedrun": dict(B=16, T=2048, H=6, A=192, U=128, D=768, E=32, K=4, F=512, V=131072),
    "lite": dict(B=4, T=4096, H=16, A=192, U=128, D=2048, E=64, K=6, F=1408, V=102400),
}
ATTENTION = [(16, 6, 2048), (4, 16, 4096), (16, 16, 1024), (1, 16, 32768), (1, 6, 32768)]


def milliseconds(work, repeats=20):
    for _ in range(5):
        work()
    marks = [(torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)) for _ in range(repeats)]
    for begin, end in marks:
        begin.record()
        work()
        end.record()
    torch.cuda.synchronize()
    return statistics.median(begin.elapsed_time(end) for begin, end in marks)


def random(*shape):
    return torch.randn(*shape, device="cuda", dtype=BF16)


results = []


def measure(name, flops, work):
    ms = milliseconds(work)
    results.append({"name": name, "milliseconds": round(ms, 4), "tflops": round(flops / ms * 1e-9, 1)})
    print(f"{name:56} {ms:9.3f} ms" + (f" {flops / ms * 1e-9:6.0f} TFLOP/s" if flops else ""), flush=True)


def dense(preset, tokens, k, n):
    x, w, dy = random(tokens, k), random(k, n), random(tokens, n)
    flops, shape = 2 * tokens * k * n, f"{preset} {tokens} x {k} to {n}"
    measure(f"{shape}: product", flops, lambda: x @ w)
    measure(f"{shape}: gradient of x", flops, lambda: dy @ w.T)
    measure(f"{shape}: gradient of w", flops, lambda: x.T @ dy)


def experts(preset, s):
    """Loads as random routing makes them. The rows are gathered by an index_select of its own, listed beside the products."""
    tokens = s["B"] * s["T"]
    choices = torch.stack([torch.randperm(s["E"], device="cuda")[: s["K"]] for _ in range(256)]).repeat(tokens // 256, 1).flatten()
    order = choices.argsort()
    rows, offs = order // s["K"], choices.bincount(minlength=s["E"]).cumsum(0).to(torch.int32)
    x = random(tokens, s["D"])
    for name, k, n in (("gate and up", s["D"], 2 * s["F"]), ("down", s["F"], s["D"])):
        left, w, dy = random(len(rows), k), random(s["E"], k, n), random(len(rows), n)
        flops, title = 2 * len(rows) * k * n, f"{preset} experts, {name}"
        measure(f"{title}: product", flops, lambda: torch._grouped_mm(left, w, offs=offs))
        measure(f"{title}: gradient of x", flops, lambda: torch._grouped_mm(dy, w.transpose(1, 2), offs=offs))
        measure(f"{title}: gradient of w", flops, lambda: torch._grouped_mm(left.T, dy, offs=offs))
    measure(f"{preset} experts: rows gathered", 0, lambda: x[rows])


def attention(batch, heads, length, a=192, u=128):
    q, k, v, dout = random(batch, heads, length, a), random(batch, heads, length, a), random(batch, heads, length, u), random(batch, heads, length, u)
    for x in (q, k, v):
        x.requires_grad_()
    pairs, title = batch * heads * length * length / 2, f"attention B {batch} H {heads} T {length}"
    with sdpa_kernel([SDPBackend.CUDNN_ATTENTION]):
        measure(f"{title}: forward", 2 * pairs * (a + u), lambda: F.scaled_dot_product_attention(q, k, v, is_causal=True))
        out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        measure(f"{title}: backward (not deterministic)", 2 * pairs * (3 * a + 2 * u), lambda: torch.autograd.grad(out, (q, k, v), dout, retain_graph=True))


def cross_entropy(preset, s):
    """Logits of all tokens at once, as the yardstick's `--ce full`; three products."""
    tokens = s["B"] * s["T"]
    x, w = random(tokens, s["D"]).requires_grad_(), (random(s["V"], s["D"]) * 0.02).requires_grad_()
    targets = torch.randint(s["V"], (tokens,), device="cuda")
    loss = torch.compile(lambda x, w: F.cross_entropy((x @ w.T).float(), targets), dynamic=False)
    measure(f"{preset} cross entropy and its gradients, compiled", 6 * tokens * s["D"] * s["V"], lambda: torch.autograd.grad(loss(x, w), (x, w)))
    print(f"{'':56} {torch.cuda.max_memory_allocated() / 2**30:9.1f} GiB at most", flush=True)


options = argparse.ArgumentParser()
options.add_argument("--out")
out = options.parse_args().out
if not torch.cuda.is_available():
    sys.exit("kernels.py: PyTorch finds no NVIDIA GPU here, and that is what this measures")
for preset, s in PRESETS.items():
    tokens = s["B"] * s["T"]
    for n in {"speedrun": (1152, 2560), "lite": (3072, 10944)}[preset]:
        dense(preset, tokens, s["D"], n)
    experts(preset, s)
for shape in ATTENTION:
    attention(*shape)
for preset, s in PRESETS.items():
    torch.cuda.reset_peak_memory_stats()
    cross_entropy(preset, s)
if out:
    about = {"gpu": torch.cuda.get_device_name(), "date": str(datetime.date.today()), "command": "python3 bench/torch/kernels.py", "torch": torch.__version__}
    with open(out, "w") as file:
        json.dump({**about, "results": results}, file, indent=2)
        file.write("\n")
