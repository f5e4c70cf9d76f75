/** Loaded by `node --import 'shifted-clock.mjs?ms=3600000'`: the process believes that it is so much later. */
const shiftMs = Number(new URL(import.meta.url).searchParams.get('ms'));
const RealDate = globalThis.Date;

globalThis.Date = class Date extends RealDate {
  constructor(...given) {
    if (given.length === 0) super(RealDate.now() + shiftMs);
    else super(...given);
  }
  static now() {
    return RealDate.now() + shiftMs;
  }
};
