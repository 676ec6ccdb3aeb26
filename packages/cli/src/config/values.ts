/** Values as people write them, as schemas. Each takes what a flag or the environment gives: text. */
import { asTidecacheError, parseSize } from '@tidecache/protocol';
import { z } from 'zod';
import { parseEndpoint } from './endpoint.js';

/** A schema from a parser that throws; the thrown message becomes the issue's. */
function parsed<I, T>(input: z.ZodType<I>, parse: (value: I) => T) {
  return input.transform((value, context): T => {
    try {
      return parse(value);
    } catch (thrown) {
      context.addIssue({ code: 'custom', message: asTidecacheError(thrown).message });
      return z.NEVER;
    }
  });
}

export const text = z
  .string({ error: 'must be text (put it in quotes)' })
  .min(1, 'is empty')
  .refine((value) => !value.includes('\0'), 'holds a NUL byte');

/** `64MiB`, or a plain number of bytes, to bytes. */
export const size = parsed(
  z.union([z.string(), z.number()], { error: 'must be a size, such as 64MiB' }),
  (value) => {
    const bytes = parseSize(String(value));
    if (bytes <= 0) throw new Error(`a size of ${value} holds nothing: give one such as 64MiB`);
    return bytes;
  },
);

/** `host:port`, port 0 (any free one) allowed, to {@link Endpoint}. */
export const listenEndpoint = parsed(z.string({ error: 'must be HOST:PORT' }), (value) =>
  parseEndpoint(value),
);

/** `host:port` of something to be reached: port 0 is refused. */
export const endpoint = parsed(z.string({ error: 'must be HOST:PORT' }), (value) => {
  const parsedEndpoint = parseEndpoint(value);
  if (parsedEndpoint.port === 0) throw new Error(`'${value}' has port 0: give the port to connect to`);
  return parsedEndpoint;
});

/** A whole number in a range. */
export function count(least: number, most: number) {
  return parsed(z.union([z.string(), z.number()], { error: 'must be a whole number' }), (value) => {
    const number = /^\d{1,9}$/.test(String(value)) ? Number(value) : Number.NaN;
    if (!(number >= least && number <= most)) {
      throw new Error(`'${value}' is not a whole number from ${least} to ${most}`);
    }
    return number;
  });
}

/** The same, or `auto`: what fits the machine. */
export function countOrAuto(least: number, most: number) {
  const number = count(least, most);
  return z.union([z.literal('auto'), number], {
    error: ({ input }) => `'${String(input)}' is neither auto nor a whole number from ${least} to ${most}`,
  });
}

/** On or off. */
export const onOff = z
  .union([z.boolean(), z.enum(['true', 'false'])], {
    error: ({ input }) => `'${String(input)}' is neither true nor false`,
  })
  .transform((value) => value === true || value === 'true');

/** One of a few words. */
export function oneOf<const T extends readonly [string, ...string[]]>(words: T) {
  return z.enum(words, { error: ({ input }) => `'${String(input)}' is none of ${words.join(', ')}` });
}
