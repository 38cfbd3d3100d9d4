/** Tests of several ranks take Open MPI: Debian's openmpi-bin and libopenmpi-dev. */
import { which } from "../compiler/emit/compiler.js";

export const hasMpi = which("mpirun") !== undefined && which("mpicxx") !== undefined;

/** Continuous integration always runs ranks; elsewhere a machine without MPI has the other tests. */
export const isMpiWanted = hasMpi || Boolean(process.env["CI"]);

export const withoutMpi = "Open MPI is not found (apt-get install openmpi-bin libopenmpi-dev): ranks are not tested";
