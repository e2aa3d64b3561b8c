export type Attributes = Readonly<Record<string, string | number | undefined>>;

/** An element with its attributes (those that are undefined left out) and children, each already written. */
export function element(name: string, attributes: Attributes, children: readonly string[] = []): string {
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${escapeXml(String(value))}"`)
    .join('');
  return children.length === 0 ? `<${name}${written}/>` : `<${name}${written}>\n${children.join('\n')}\n</${name}>`;
}

/** An element that holds text, with no space about it. */
export function textElement(name: string, attributes: Attributes, text: string): string {
  return element(name, attributes).replace(/\/>$/, () => `>${escapeXml(text)}</${name}>`);
}

/** For attribute values and text alike (XML 1.0 §2.4); characters that XML cannot carry at all are dropped. */
export function escapeXml(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' };
  return text.replace(/[^\t\n\r\x20-\uFFFD]/g, '').replace(/[&<>"']/g, (character) => entities[character] ?? '');
}

/** xs:duration in seconds and milliseconds, e.g. `PT12.5S`. */
export function isoDuration(seconds: number): string {
  return `PT${Number(Math.max(0, seconds).toFixed(3))}S`;
}

/** xs:dateTime from epoch ms. */
export function isoTime(epochMs: number): string {
  return new Date(Math.round(epochMs)).toISOString();
}
