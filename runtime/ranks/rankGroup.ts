/** A rank among others: the group as this process sees it, over the control channel and the native code's collectives. */
import type { Whereabouts } from "../place.js";
import type { Session } from "../session.js";
import type { Place } from "./environment.js";
import type { Group } from "./group.js";
import { injectFault } from "./injected.js";
import type { Member } from "./member.js";
import { nowhere } from "./messages.js";

export class RankGroup implements Group {
  readonly place: Place;
  readonly timeout: number;
  signal: NodeJS.Signals | undefined;
  readonly #member: Member;
  #session: Session | undefined;
  /** Also when it is closed. */
  #latest: Session | undefined;

  constructor(place: Place, member: Member, timeout: number) {
    this.place = place;
    this.timeout = timeout;
    this.#member = member;
    member.whereabouts = () => this.#where();
  }

  get rank(): number {
    return this.place.rank;
  }

  get size(): number {
    return this.place.size;
  }

  get leads(): boolean {
    return this.place.rank === 0;
  }

  at(phase: string): void {
    this.#member.at(phase);
  }

  async meet<T>(name: string, value: T): Promise<readonly T[]> {
    return (await this.#member.meet(name, value)) as readonly T[];
  }

  async inTurns<T>(name: string, work: () => Promise<T>): Promise<T> {
    const turn = this.leads ? 0 : this.place.local === 0 ? 1 : 2;
    let result: Promise<T> | undefined;
    for (let now = 0; now < 3; now++) {
      if (turn === now) {
        result = work();
        await result;
      }
      await this.meet(`${name}, turn ${now}`, null);
    }
    return result as Promise<T>;
  }

  async leading(name: string, work: () => Promise<void>): Promise<void> {
    this.at(name);
    if (this.leads) await work();
    await this.meet(name, null);
  }

  async collecting(name: string, session: Session, work: (read: (tensor: string) => Promise<Uint8Array>) => Promise<void>): Promise<void> {
    this.at(name);
    if (!this.leads) {
      await this.#member.meetCollecting(name, async (tensor) => {
        await injectFault("collect", this.rank);
        await session.collect(tensor, this.rank);
      });
      return;
    }
    await work(async (tensor) => {
      this.#member.collect(tensor);
      return (await session.collect(tensor, 0)) as Uint8Array;
    });
    await this.meet(name, null);
  }

  async sum(session: Session, values: Float64Array): Promise<void> {
    await session.sum(values);
  }

  watch(session: Session | undefined): void {
    this.#session = session;
    this.#latest = session ?? this.#latest;
  }

  /** Calls that wait for other ranks give up. */
  abort(): void {
    this.#session?.abort();
  }

  /** When no call of the session's is in progress. */
  async idle(): Promise<void> {
    await this.#latest?.idle();
  }

  #where(): Whereabouts {
    return this.#session?.where() ?? nowhere;
  }
}
