/** Parts that many schemas have. An object's schema names all that is in an answer: nothing else may be there. */
import { FAILURES, type FailureCode } from '@batchyard/shared/contract/failure';
import { PRIORITY_CLASSES } from '@batchyard/shared/contract/job';
import { z } from 'zod';

export const count = z.int().min(0);
export const amount = z.number().min(0);
export const share = z.number().min(0).max(1);
/** UTC, ISO 8601. */
export const moment = z.iso.datetime();
export const priorityClass = z.enum(PRIORITY_CLASSES);
export const failureCode = z
  .enum(Object.keys(FAILURES) as [FailureCode, ...FailureCode[]])
  .meta({ description: 'docs/failures.md has the cause and the remedy of each.' });

/** A value for each class of priority. */
export const byClass = <T extends z.ZodType>(value: T) =>
  z.object({ critical: value, high: value, normal: value, low: value });
/** For those classes that have one. */
export const bySomeClasses = <T extends z.ZodType>(value: T) =>
  z.object({ critical: value.optional(), high: value.optional(), normal: value.optional(), low: value.optional() });
