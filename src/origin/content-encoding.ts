import type { Answer } from './answer.js';

/** The answer in the encoding that suits the client (RFC 9110 §12.5.3): gzip where it is taken and there is a compressed form. */
export function negotiated(answer: Answer, acceptEncoding: string | undefined): Answer {
  if (answer.content.kind !== 'bytes' || answer.content.gzip === undefined) return answer;
  const headers = [...answer.headers, ['vary', 'Accept-Encoding'] as const];
  if (!acceptsGzip(acceptEncoding)) return { ...answer, headers };
  return {
    ...answer,
    headers: [...headers, ['content-encoding', 'gzip'] as const],
    // Another representation has another strong tag (§8.8.3.3).
    etag: answer.etag === null ? null : answer.etag.replace(/"$/, '-gzip"'),
    content: { kind: 'bytes', bytes: answer.content.gzip() },
  };
}

/** The weight of `gzip`, or else of `*`, is not zero. */
export function acceptsGzip(header: string | undefined): boolean {
  const weights = new Map<string, number>();
  for (const member of header?.toLowerCase().split(',') ?? []) {
    const [coding = '', ...parameters] = member.split(';').map((part) => part.trim());
    const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
    weights.set(coding === 'x-gzip' ? 'gzip' : coding, weight === undefined ? 1 : Number.parseFloat(weight));
  }
  return (weights.get('gzip') ?? weights.get('*') ?? 0) > 0;
}
