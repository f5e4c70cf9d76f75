/** Where a job is looked at, as its answers tell it. */
export function linksOf(id: string): { self: string; result: string; events: string; cancel: string } {
  const self = `/v1/jobs/${id}`;
  return { self, result: `${self}/result`, events: `${self}/events`, cancel: self };
}
