// An event that was sent again after an unknown answer is in the archive twice, under the same producer instance and number
// (archive format, section 1); readers show it once.

import type { EventFields } from '../../core/proof/avro.ts';
import type { Proof } from './proof.ts';

/** Numbers that are remembered; the instances seen longest ago are forgotten first. A double follows within minutes. */
const maxNumbers = 1_000_000;

export class Doubled {
  readonly #instances = new Map<string, Set<bigint>>();
  #numbers = 0;

  /** Whether this event was shown already. An event without proof never hides one that has it. */
  isDoubled({ producer }: EventFields, proof: Proof): boolean {
    if (!producer) return false;
    const name = `${proof.status === 'unproven' ? 'unproven' : 'sealed'} ${producer.instance}`;
    const numbers = this.#instances.get(name) ?? new Set();
    if (numbers.has(producer.sequence)) return true;
    numbers.add(producer.sequence);
    this.#numbers++;
    this.#instances.delete(name);
    this.#instances.set(name, numbers);
    this.#forget(name);
    return false;
  }

  #forget(current: string): void {
    for (const [name, numbers] of this.#instances) {
      if (this.#numbers <= maxNumbers) return;
      if (name === current) {
        // One instance alone: its lowest numbers are its oldest.
        const [oldest] = numbers;
        if (oldest !== undefined && numbers.delete(oldest)) this.#numbers--;
        return;
      }
      this.#instances.delete(name);
      this.#numbers -= numbers.size;
    }
  }
}
