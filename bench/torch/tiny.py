#!/usr/bin/env python3
"""Steps of examples/tiny in PyTorch on the CPU, timed: the other side of bench/cpuAgainstTorch.ts, and of use alone.

  python3 tiny.py '{"threads": 2, "steps": 20}'

prints one line of JSON: median milliseconds of a step and of its parts, tokens a second, peak memory. Keys of the argument:
  sizes, layers   of the model; by default those of examples/tiny/model.ts
  threads         1 by default
  warmup, steps   not timed, timed
  muon, adamw     {"lr": …, "weightDecay": …}, {"lr": …};  clip: the largest norm of the gradients
  weights         safetensors file with mlac's names; without it they are drawn here
  batches         safetensors file: tokens and targets [count, B, T] int32, used in turn; without it they are drawn here
  compare         safetensors file of mlac's gradients (grad.NAME) for the first batch: says how far these are from them
  serve           true: a first line says what this PyTorch is, then each line read from the standard input, {"steps": 10} or
                  {"compare": FILE}, is answered with one line
"""
import glob
import json
import os
import resource
import statistics
import sys
import time

given = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}
threads = given.get("threads", 1)
# Both thread pools, PyTorch's and the BLAS library's, read these when they are loaded, and the C library when the process
# starts: so it starts again with them. Memory that is freed is kept for the next step.
wanted = dict(
    OMP_NUM_THREADS=threads, OPENBLAS_NUM_THREADS=threads, MKL_NUM_THREADS=threads,
    MALLOC_MMAP_THRESHOLD_=2**30, MALLOC_TRIM_THRESHOLD_=2**32,
)
# Debian's PyTorch takes whichever libblas.so.3 comes first. OpenBLAS made for OpenMP shares PyTorch's threads; the usual one has
# threads of its own, and the two then keep each other from the processors unless PyTorch's sleep while they wait.
shared = glob.glob("/usr/lib/*/openblas-openmp")
wanted |= dict(LD_LIBRARY_PATH=shared[0]) if shared else dict(OMP_WAIT_POLICY="PASSIVE")
missing = {name: str(value) for name, value in wanted.items() if name not in os.environ}
if missing and __name__ == "__main__":
    os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **missing})

import torch  # noqa: E402

from model import Model  # noqa: E402
from optimizer import Muon, adamw, clip  # noqa: E402
from tensors import read_safetensors  # noqa: E402

SIZES = dict(B=16, T=256, V=256, D=128, H=4, C=64, N=32, R=16, U=32, E=8, F=64, S=128, W=384)


class Training:
    def __init__(self):
        torch.set_num_threads(threads)
        torch.manual_seed(1)
        self.sizes = {**SIZES, **given.get("sizes", {})}
        self.model = Model(self.sizes, given.get("layers", 3))
        self.tensors = list(self.model.p.values())
        self.load_weights()
        muon, adam = {"lr": 0.01, "weightDecay": 0.01, **given.get("muon", {})}, {"lr": 3e-3, **given.get("adamw", {})}
        self.muon = Muon(self.model, muon["lr"], muon["weightDecay"])
        self.adamw = adamw(self.model, adam["lr"])
        self.clip = given.get("clip", 1.0)
        self.batches = self.load_batches()
        self.done = 0

    @torch.no_grad()
    def load_weights(self):
        model = self.model
        if "weights" not in given:
            for name, p in model.p.items():
                p.fill_(1) if model.kinds[name] == "gain" else p.normal_(0, p.shape[-2] ** -0.5)
            return
        for name, tensor in read_safetensors(given["weights"]).items():
            part = model.part(name, model.p)
            part.copy_(tensor.view(part.shape))                 # model.ts tells heads apart in a matrix, this does not

    def load_batches(self):
        if "batches" in given:
            both = read_safetensors(given["batches"])
            return list(zip(both["tokens"].long(), both["targets"].long()))
        walk = torch.randint(0, self.sizes["V"], (8, self.sizes["B"], self.sizes["T"] + 1))
        return [(b[:, :-1].contiguous(), b[:, 1:].contiguous()) for b in walk]

    def backward(self, batch):
        loss, balance = self.model.forward(*batch)
        middle = time.perf_counter()
        (loss + balance).backward()
        return loss, balance, middle

    def step(self):
        """One step. Gives milliseconds of forward, backward and optimizer, and the losses."""
        start = time.perf_counter()
        loss, balance, middle = self.backward(self.batches[self.done % len(self.batches)])
        end = time.perf_counter()
        if self.clip:
            clip(self.tensors, self.clip)
        self.muon.step()
        self.adamw.step()
        for p in self.tensors:
            p.grad = None
        times = (middle - start, end - middle, time.perf_counter() - end)
        self.done += 1
        return [1e3 * t for t in times], loss.item(), balance.item()

    def steps(self, count):
        used = time.process_time()
        all_steps = [self.step() for _ in range(count)]
        return dict(
            ms=[[round(part, 3) for part in times] for times, _, _ in all_steps],
            losses=[loss for _, loss, _ in all_steps],
            cpuSeconds=time.process_time() - used,
            peakBytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        )

    def compare(self, path):
        """‖here − mlac's‖ / ‖mlac's‖ of each gradient of the first batch."""
        loss, balance, _ = self.backward(self.batches[0])
        gradients = {name: p.grad for name, p in self.model.p.items()}
        errors = {}
        for name, theirs in read_safetensors(path).items():
            name = name[len("grad."):]
            ours = self.model.part(name, gradients)
            errors[name] = ((ours - theirs.view(ours.shape)).norm() / theirs.norm()).item()
        for p in self.tensors:
            p.grad = None
        return dict(loss=loss.item(), balance=balance.item(), gradients=errors)


def facts():
    """What PyTorch this is; the BLAS library is the one that is really loaded."""
    with open("/proc/self/maps") as maps:
        loaded = {os.path.basename(line.split()[-1]) for line in maps if "/" in line}
    blas = sorted(name for name in loaded if any(word in name.lower() for word in ("openblas", "libmkl", "libblis", "libblas")))
    mkl = torch.backends.mkl.is_available()
    folder = os.path.realpath("/proc/self/exe")
    return dict(torch=torch.__version__, python=folder, blas=["MKL (built in)"] if mkl else [real(name) for name in blas], threads=torch.get_num_threads())


def real(name):
    """libblas.so.3 is an alternative: which one it stands for here is in the path behind the link."""
    with open("/proc/self/maps") as maps:
        path = next(line.split()[-1] for line in maps if line.rstrip().endswith("/" + name))
    return os.path.realpath(path)


def answer(line):
    print(json.dumps(line), flush=True)


def main():
    training = Training()
    if given.get("serve"):
        answer(facts())
        for line in sys.stdin:
            asked = json.loads(line)
            answer(training.compare(asked["compare"]) if "compare" in asked else training.steps(asked["steps"]))
        return
    compared = {"compare": training.compare(given["compare"])} if "compare" in given else {}
    training.steps(given.get("warmup", 3))
    measured = training.steps(given.get("steps", 20))
    times = measured["ms"]
    median = statistics.median(sum(parts) for parts in times)
    forward, backward, optimizer = (statistics.median(column) for column in zip(*times))
    answer(dict(
        **facts(), **compared, ms=round(median, 2), forward=round(forward, 2), backward=round(backward, 2), optimizer=round(optimizer, 2),
        tokensPerSecond=round(1e3 * training.sizes["B"] * training.sizes["T"] / median), peakMiB=round(measured["peakBytes"] / 2**20, 1),
        losses=measured["losses"],
    ))


if __name__ == "__main__":
    main()
