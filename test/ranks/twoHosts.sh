#!/usr/bin/env bash
# Two hosts, as two network namespaces with a cable between them: mpirun trains over it, its launch agent enters the other namespace
# where ssh would go to another machine. Checks the losses against one process, then pulls the cable in the middle of a run.
# As root, from the project's folder, after `npm run build`: test/ranks/twoHosts.sh [folder for its files]
set -euo pipefail

cli=$(pwd)/dist/compiler/cli.js
work=${1:-$(mktemp -d)}
near=mlac-near far=mlac-far
near_address=10.77.0.1 far_address=10.77.0.2
timeout=5

clean() {
  for host in $near $far; do
    { ip netns pids $host | xargs -r kill -9 && ip netns del $host; } 2> /dev/null || true
  done
}
trap clean EXIT
clean
for host in $near $far; do
  ip netns add $host
  ip -n $host link set lo up
done
ip link add mlac-cable netns $near type veth peer name mlac-cable netns $far
ip -n $near address add $near_address/24 dev mlac-cable
ip -n $far address add $far_address/24 dev mlac-cable
ip -n $near link set mlac-cable up
ip -n $far link set mlac-cable up

# Each host has a name of its own, as Open MPI expects; mpirun calls the agent with the host and the command.
enter=$work/enter.sh
agent=$work/agent.sh
mkdir -p "$work"
cat > "$enter" << 'END'
#!/usr/bin/env bash
host=$1 && shift
exec ip netns exec "$host" unshare --uts bash -c 'hostname "$1" && shift && exec "$@"' bash "$host" "$@"
END
cat > "$agent" << END
#!/usr/bin/env bash
shift
exec "$enter" $far bash -c "\$*"
END
chmod +x "$enter" "$agent"

cd "$work"
cat > model.ts << 'END'
import { adamw, block, dims, embedding, gain, linear, linearCrossEntropy, lookup, muon, rmsnorm, stack, type Targets, type Tensor, type Tokens, train, weight } from "mlac";
const sizes = dims({ B: 4, T: 64, V: 256, D: 64, F: 128 });
const Layer = block({ up: weight("D -> F"), down: weight("F -> D") }, (p, x: Tensor<"B T D">) => linear(linear(x, p.up), p.down));
const Model = block({ embed: embedding("V -> D"), layers: stack(2, Layer), norm: gain("D"), head: embedding("V -> D") }, (p, tokens: Tokens<"B T">, targets: Targets<"B T">) => {
  let x = lookup(p.embed, tokens);
  for (const layer of p.layers) x = layer(x);
  return linearCrossEntropy(rmsnorm(x, p.norm), p.head, targets);
});
export default train(Model, {
  sizes, steps: 40, accumulate: 4, clip: 1, data: { train: "brown", tokenizer: "byte" }, evaluate: { every: 20, batches: 4 }, checkpoint: { every: 20, keep: 2 },
  optimizer: { weight: muon({ lr: 0.01 }), embedding: adamw({ lr: 1e-2 }), gain: adamw({ lr: 1e-2 }) },
});
END

train=(node "$cli" train model.ts --target cpu --out build --threads 1 --no-report --timeout $timeout)
on_two_hosts() {
  # mpirun itself notices a host that is gone only by these, a little later than the ranks, whose report says more.
  "$enter" $near timeout 60 mpirun -q --allow-run-as-root --oversubscribe --bind-to none -H $near_address:2,$far_address:2 \
    --mca plm_rsh_agent "$agent" --mca btl_tcp_if_include mlac-cable --mca oob_tcp_if_include mlac-cable \
    --mca oob_tcp_keepalive_time 5 --mca oob_tcp_keepalive_intvl 1 --mca oob_tcp_keepalive_probes 3 -x MLAC_FAULT "$@"
}
losses() { node -e 'for (const line of require("fs").readFileSync(process.argv[1], "utf8").trim().split("\n")) console.log(JSON.parse(line).loss)' "$1/metrics.jsonl"; }
export MLAC_FAULT=

echo "== one process"
rm -rf one two cut
"${train[@]}" --run one
echo "== four ranks on two hosts"
on_two_hosts -n 4 "${train[@]}" --run two
paste <(losses one) <(losses two) | awk '{ d = $1 - $2; if (d < 0) d = -d; if (d > worst) worst = d } END { printf "== %d steps; the largest difference of a loss is %.1e\n", NR, worst; exit !(worst < 1e-5 && NR == 40) }'

echo "== the cable is pulled in step 30"
export MLAC_FAULT="0:step 30:begin:late=2"
(until [ -d cut/checkpoints/step-000020 ]; do sleep 0.1; done; sleep 1; ip -n $far link set mlac-cable down; date +%s.%N > pulled) &
status=0
on_two_hosts -n 4 "${train[@]}" --run cut || status=$?
wait
echo "== ended $(awk -v now="$(date +%s.%N)" '{ printf "%.1f", now - $1 }' pulled) s after that, with exit code $status; checkpoints: $(ls cut/checkpoints | tr '\n' ' ')"
[ $status != 0 ]
# On the other side of the cable, ranks end when they have heard nothing of rank 0 for so long. Open MPI's daemon there is not looked
# at: where the cable is pulled while it sends, it waits for the system's own timeout.
left() {
  for pid in $(ip netns pids $near) $(ip netns pids $far); do
    grep -qsaF "$cli" "/proc/$pid/cmdline" && echo "$pid"
  done
  true
}
until [ -z "$(left)" ]; do
  sleep 0.2
  awk -v now="$(date +%s.%N)" -v limit=$((timeout + 10)) '{ exit now - $1 > limit }' pulled || { echo "ranks are left: $(left)"; exit 1; }
done
echo "== no rank is left $(awk -v now="$(date +%s.%N)" '{ printf "%.1f", now - $1 }' pulled) s after it"
