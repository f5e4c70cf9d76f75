/** Every fault there is. */
import { CLIENT_FAULTS } from './client-faults.ts';
import { MACHINE_FAULTS } from './machine-faults.ts';
import { NETWORK_FAULTS } from './network-faults.ts';
import { PROCESS_FAULTS } from './process-faults.ts';
import { REDIS_FAULTS } from './redis-faults.ts';
import { REDIS_OUTAGES } from './redis-outages.ts';
import type { Fault } from './scenario.ts';

export const FAULTS: readonly Fault[] = [
  ...PROCESS_FAULTS,
  ...MACHINE_FAULTS,
  ...REDIS_OUTAGES,
  ...REDIS_FAULTS,
  ...NETWORK_FAULTS,
  ...CLIENT_FAULTS,
];

/** @throws Error that lists the names, when there is none of this name */
export function faultNamed(name: string): Fault {
  const found = FAULTS.find((fault) => fault.name === name);
  if (found) return found;
  throw new Error(`no fault is called "${name}"; there are: ${FAULTS.map((fault) => fault.name).join(', ')}`);
}
