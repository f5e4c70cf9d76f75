/** A process that sends a handle back as often as it is asked to, and ends: see accept-more.ts. */
export type HandBack = { readonly times: number };

process.on('message', ({ times }: HandBack, handle) => {
  let left = times;
  const next = (): void => {
    left -= 1;
    if (left < 0) process.disconnect();
    else process.send?.('again', handle, {}, next);
  };
  next();
});
