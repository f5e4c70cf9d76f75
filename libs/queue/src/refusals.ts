/**
 * What a failed command says about its effect. Pure. Redis answers these codes before a script has written anything; with
 * older versions the code stands inside the sentence of the script's error.
 */
const REFUSED = new RegExp(
  `\\b(${[
    'READONLY OOM LOADING MISCONF NOREPLICAS BUSY MASTERDOWN CLUSTERDOWN TRYAGAIN MOVED ASK',
    'NOAUTH NOPERM WRONGPASS NOSCRIPT',
  ]
    .join(' ')
    .replaceAll(' ', '|')})\\b`,
);
/** ioredis, where there is no connection to write to. */
const NOT_SENT = /^Stream isn't writeable/;

/**
 * Whether Redis was there and said no. Not so while it loads its file: it has just started, and nobody had a connection.
 */
export const wasRefused = (error: unknown): boolean =>
  error instanceof Error && error.name === 'ReplyError' && !/\bLOADING\b/.test(error.message);

/** Whether the command that failed like this had no effect; otherwise it is not known. */
export const hadNoEffect = (error: unknown): boolean =>
  error instanceof Error && (error.name === 'ReplyError' ? REFUSED.test(error.message) : NOT_SENT.test(error.message));
