/** Memory of a system right after load, by process. */
import { pssMb } from '../processes/tree.ts';
import type { Stage } from '../stage.ts';
import type { Served } from '../textbook/start.ts';

/** PSS by role; `total` leaves the supervisor out: gateway, workers and Redis can be had without it. */
export function memoryOf(served: Served): { readonly total: number; readonly roles: ReadonlyMap<string, number> } {
  const roles = new Map<string, number>();
  for (const { pid, role } of served.processes()) {
    const mb = pssMb(pid);
    if (!Number.isNaN(mb)) roles.set(role, (roles.get(role) ?? 0) + mb);
  }
  const total = Array.from(roles)
    .filter(([role]) => role !== 'supervisor')
    .reduce((sum, [, mb]) => sum + mb, 0);
  return { total, roles };
}

export function recordMemory({ figures }: Stage, name: string, served: Served): void {
  const { total, roles } = memoryOf(served);
  figures.record(`${name}.total_mb`, 'MB', total);
  for (const [role, mb] of roles) figures.record(`${name}.${role}_mb`, 'MB', mb);
}
