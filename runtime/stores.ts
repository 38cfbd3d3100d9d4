/** A session's tensors as checkpoints want them: what the model is, and what its optimizer remembers. */
import type { ManifestTensor } from "../compiler/manifest.js";
import type { Stores, TensorStore } from "./checkpoint.js";
import type { Session } from "./session.js";

/** Gradients and loads are made anew by every step, so they are not saved. */
const parameters: readonly ManifestTensor["role"][] = ["parameter", "state"];
const optimizer: readonly ManifestTensor["role"][] = ["momentum", "moment1", "moment2"];

export function storesOf(session: Session): Stores {
  return { parameters: store(session, parameters), optimizer: store(session, optimizer) };
}

function store(session: Session, roles: readonly ManifestTensor["role"][]): TensorStore {
  const tensors = session.tensors().filter(({ role }) => roles.includes(role));
  return {
    names: () => tensors.map(({ name, dtype, shape }) => ({ name, dtype, shape })),
    read: (name) => session.read(name),
    write: (name, bytes) => session.write(name, bytes),
  };
}
