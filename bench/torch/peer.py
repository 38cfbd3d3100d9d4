#!/usr/bin/env python3
"""Training steps of any model in PyTorch, timed: the other side of `mlac bench --against torch`.

  python3 peer.py '{"folder": …, "cuda": false, "threads": 2}'

`folder` has program.json, weights.safetensors and batch.safetensors. A first line says what this PyTorch is; then each line read from the
standard input, {"steps": 10} or {"compare": FILE}, is answered with one. On a GPU weights are bfloat16, the model is compiled, and attention
is cuDNN's where that takes it.
"""
import contextlib
import glob
import json
import os
import resource
import sys
import time

given = json.loads(sys.argv[1])
cuda, threads = given["cuda"], given["threads"]
# Both thread pools, PyTorch's and the BLAS library's, read these when they are loaded, and the C library when the process starts: so it
# starts again with them. Memory that is freed is kept for the next step.
wanted = {} if cuda else dict(
    OMP_NUM_THREADS=threads, OPENBLAS_NUM_THREADS=threads, MKL_NUM_THREADS=threads,
    MALLOC_MMAP_THRESHOLD_=2**30, MALLOC_TRIM_THRESHOLD_=2**32,
)
# Debian's PyTorch takes whichever libblas.so.3 comes first. OpenBLAS made for OpenMP shares PyTorch's threads; the usual one has threads of
# its own, and the two then keep each other from the processors unless PyTorch's sleep while they wait.
shared = [] if cuda else glob.glob("/usr/lib/*/openblas-openmp")
wanted |= {} if cuda else dict(LD_LIBRARY_PATH=shared[0]) if shared else dict(OMP_WAIT_POLICY="PASSIVE")
missing = {name: str(value) for name, value in wanted.items() if name not in os.environ}
if missing and __name__ == "__main__":
    os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **missing})

import torch  # noqa: E402

from batched import Muon, adamw  # noqa: E402
from graph import Graph  # noqa: E402
from optimizer import clip  # noqa: E402
from tensors import read_safetensors  # noqa: E402

device = "cuda" if cuda else "cpu"


def in_folder(name):
    return os.path.join(given["folder"], name)


class Training:
    def __init__(self):
        if cuda and not torch.cuda.is_available():
            sys.exit("this PyTorch finds no NVIDIA GPU")
        torch.set_num_threads(threads)
        with open(in_folder("program.json")) as file:
            program = json.load(file)
        stored = read_safetensors(in_folder("weights.safetensors"))
        # A bias of experts is no parameter: nothing flows to it.
        trained = {name for one in program["parameters"] if one["settings"] for name in one["tensors"]}
        tensors = {}
        for one in program["parameters"]:
            for name in one["tensors"]:
                half = cuda and one["kind"] != "state"
                value = stored.pop(name).to(device, torch.bfloat16 if half else torch.float32)
                tensors[name] = torch.nn.Parameter(value, requires_grad=name in trained)
        self.tensors = {name: p for name, p in tensors.items() if name in trained}
        self.model = Graph(program, tensors)
        self.mode = "eager"
        self.run = self.model
        if cuda:
            import logging
            logging.getLogger("torch._dynamo").setLevel(logging.ERROR)
            torch._dynamo.config.recompile_limit = 64
            self.run, self.mode = torch.compile(self.model, dynamic=False), "compiled"
        settings = [(tensors[name], one) for one in program["parameters"] if one["settings"] for name in one["tensors"]]
        # A rate of zero leaves the weights as they are, as on the other side: every step is the same work.
        muon = [(p, one["rows"], {**one["settings"], "matrices": one["matrices"]}) for p, one in settings if one["settings"]["is"] == "muon"]
        self.muon = Muon(muon, 0.0)
        self.adamw = adamw([(p, one["settings"]) for p, one in settings if one["settings"]["is"] == "adamw"], 0.0)
        self.clip = program["clip"]
        batch = read_safetensors(in_folder("batch.safetensors"))
        self.batch = [batch[name].long().to(device) for name in ("tokens", "targets")]

    def attention(self):
        if not cuda:
            return contextlib.nullcontext()
        from torch.nn.attention import SDPBackend, sdpa_kernel
        ways = [SDPBackend.CUDNN_ATTENTION, SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]
        try:
            return sdpa_kernel(ways, set_priority=True)
        except TypeError:                                       # older than 2.6: it takes no order
            return sdpa_kernel(ways[0])

    def gradients(self):
        with self.attention():
            loss, balance = self.run(*self.batch)
            (loss + balance).backward()
        return loss, balance

    def update(self):
        if self.clip and cuda:
            torch.nn.utils.clip_grad_norm_(list(self.tensors.values()), self.clip, foreach=True)
        elif self.clip:
            clip(list(self.tensors.values()), self.clip)
        self.muon.step()
        if self.adamw:
            self.adamw.step()
        for p in self.tensors.values():
            p.grad = None

    def step(self):
        """Milliseconds of forward and backward, and of the optimizer."""
        marks = [self.mark()]
        loss, _ = self.gradients()
        marks.append(self.mark())
        self.update()
        marks.append(self.mark())
        if cuda:
            torch.cuda.synchronize()
            return [a.elapsed_time(b) for a, b in zip(marks, marks[1:])], loss.item()
        return [1e3 * (b - a) for a, b in zip(marks, marks[1:])], loss.item()

    @staticmethod
    def mark():
        if not cuda:
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def steps(self, count):
        used = time.process_time()
        taken = [self.step() for _ in range(count)]
        peak = torch.cuda.max_memory_allocated() if cuda else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        return dict(ms=[ms for ms, _ in taken], losses=[loss for _, loss in taken], cpuSeconds=time.process_time() - used, peakBytes=peak)

    def compare(self, path):
        """‖here − mlac's‖ / ‖mlac's‖ of all gradients together, and of the one that is furthest off."""
        loss, balance = self.gradients()
        apart, whole, worst = 0.0, 0.0, ("", 0.0)
        for name, theirs in read_safetensors(path).items():
            name = name[len("grad."):]
            theirs = theirs.to(device).double()
            ours = self.tensors[name].grad.double().reshape(theirs.shape)
            square, size = (ours - theirs).square().sum().item(), theirs.square().sum().item()
            apart, whole = apart + square, whole + size
            error = (square / size) ** 0.5 if size else square**0.5
            worst = max(worst, (name, error), key=lambda one: one[1])
        for p in self.tensors.values():
            p.grad = None
        return dict(loss=loss.item(), balance=balance.item(), gradients=(apart / whole) ** 0.5 if whole else 0.0, worst=dict(name=worst[0], error=worst[1]))


def answer(line):
    print(json.dumps(line), flush=True)


def main():
    training = Training()
    answer(dict(torch=torch.__version__, python=sys.version.split()[0], mode=training.mode))
    for line in sys.stdin:
        asked = json.loads(line)
        answer(training.compare(asked["compare"]) if "compare" in asked else training.steps(asked["steps"]))


if __name__ == "__main__":
    main()
