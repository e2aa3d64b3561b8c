/** Reads Accept-Encoding (RFC 9110 §12.5.3) as far as our origin goes: plain, or gzip. Pure; takes any bytes. */

/** Whether gzip may be sent; a weight of 0 forbids it, and `*` speaks for it where it is not named. */
export function acceptsGzip(field: string | undefined): boolean {
  if (field === undefined) return false;
  let any = false;
  for (const member of field.toLowerCase().split(',')) {
    const [coding = '', ...parameters] = member.split(';').map((each) => each.trim());
    const wanted = !parameters.some((parameter) => /^q\s*=\s*0(?:\.0{0,3})?$/.test(parameter));
    if (coding === 'gzip' || coding === 'x-gzip') return wanted;
    if (coding === '*') any = wanted;
  }
  return any;
}
