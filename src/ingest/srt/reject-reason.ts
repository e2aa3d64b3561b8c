/** Reasons that a refused SRT caller is told: HTTP's codes plus 1000 (SRT Access Control Guidelines, "Rejection Codes"). */
export const REJECT = {
  malformed: 1400,
  'bad-key': 1401,
  overload: 1402,
  'wrong-channel': 1403,
  mode: 1405,
  busy: 1409,
  type: 1415,
  media: 1415,
  internal: 1500,
  closing: 1503,
} as const;

export type RejectReason = keyof typeof REJECT;
