"""Weights that the GPU yardstick dumped, under the names and in the shapes of examples/speedrun and examples/lite.

  python3 convert_dump.py DUMP_DIR PRESET_JSON > nothing; writes DUMP_DIR/mlac.safetensors (float32) and DUMP_DIR/batch.json

The yardstick keeps its matrices as [writes, reads], fuses gate and up, latent and rotary key, and interleaves heads' keys and values.
"""
import json, sys
import torch
from safetensors.torch import load_file, save_file

folder, sizes = sys.argv[1], json.loads(sys.argv[2])
H, N, R, U, C = (sizes[k] for k in ("H", "N", "R", "U", "C"))
old, new = load_file(f"{folder}/weights.safetensors"), {}


def halves(w, dim):
    a, b = w.chunk(2, dim)
    return a, b


def layer(i, to):
    b = f"blocks.{i}."
    g = lambda name: old[b + name].float()
    new[f"{to}.attnNorm"], new[f"{to}.ffnNorm"] = g("n1"), g("n2")
    D = g("n1").numel()
    new[f"{to}.attn.q"] = g("attn.wq").T.reshape(D, H, N + R)
    new[f"{to}.attn.kvDown"], new[f"{to}.attn.kRope"] = g("attn.wdkv")[:C].T, g("attn.wdkv")[C:].T
    up = g("attn.wukv").view(H, N + U, C)
    new[f"{to}.attn.k"], new[f"{to}.attn.v"] = up[:, :N].permute(2, 0, 1), up[:, N:].permute(2, 0, 1)
    new[f"{to}.attn.out"] = g("attn.wo").T.reshape(H, U, D)
    for ours, theirs in (("kvNorm", "kvn"), ("qNorm", "qn"), ("kNorm", "kn")):
        new[f"{to}.attn.{ours}"] = g(f"attn.{theirs}")
    if f"{b}ffn.router" not in old:
        gate, upw = halves(g("ffn.w1"), 0)
        new[f"{to}.ffn.gate"], new[f"{to}.ffn.up"], new[f"{to}.ffn.down"] = gate.T, upw.T, g("ffn.w2").T
        return
    new[f"{to}.moe.router"] = g("ffn.router").T
    new[f"{to}.moe.gate"], new[f"{to}.moe.up"] = halves(g("ffn.w1"), 2)
    new[f"{to}.moe.down"] = g("ffn.w2")
    gate, upw = halves(g("ffn.shared.w1"), 0)
    new[f"{to}.moe.sharedGate"], new[f"{to}.moe.sharedUp"], new[f"{to}.moe.sharedDown"] = gate.T, upw.T, g("ffn.shared.w2").T


layers = 1 + max(int(n.split(".")[1]) for n in old if n.startswith("blocks."))
for i in range(layers):
    layer(i, "first" if i == 0 else f"layers.{i - 1}")
new["embed"], new["head"], new["norm"] = old["emb"].float(), old["head"].float(), old["norm"].float()
save_file({n: t.contiguous() for n, t in new.items()}, f"{folder}/mlac.safetensors")
save_file({"tokens": load_file(f"{folder}/batch.safetensors")["tokens"].int().contiguous()}, f"{folder}/tokens.safetensors")
