/** A session's tensors as checkpoints want them: what the model is, and what its optimizer remembers. */
import type { ManifestTensor } from "../compiler/manifest.js";
import type { Stores, TensorStore } from "./checkpoint.js";
import type { Session } from "./session.js";

/** Gradients and loads are made anew by every step, so they are not saved. */
const parameters: readonly ManifestTensor["role"][] = ["parameter", "state"];
const optimizer: readonly ManifestTensor["role"][] = ["momentum", "moment1", "moment2"];

/** `read`: how a whole tensor is had. Ranks have only parts of some, and collect them. */
export function storesOf(session: Session, read = (name: string): Promise<Uint8Array> => session.read(name)): Stores {
  return { parameters: store(session, parameters, read), optimizer: store(session, optimizer, read) };
}

function store(session: Session, roles: readonly ManifestTensor["role"][], read: TensorStore["read"]): TensorStore {
  const tensors = session.tensors().filter(({ role }) => roles.includes(role));
  return {
    names: () => tensors.map(({ name, dtype, shape }) => ({ name, dtype, shape })),
    read,
    write: (name, bytes) => session.write(name, bytes),
  };
}
