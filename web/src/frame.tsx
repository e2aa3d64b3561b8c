import type { ComponentChildren } from 'preact';

/** What every page has around its content. */
export function PageFrame({ who, children }: { who?: string | undefined; children: ComponentChildren }) {
  return (
    <>
      <header class="bar">
        <a class="brand" href="/">
          <img src="/favicon.svg" alt="" /> Headwater
        </a>
        {who ? <span class="who">{who}</span> : null}
      </header>
      <main>{children}</main>
    </>
  );
}

export function formatDuration(seconds: number): string {
  const whole = Math.round(seconds);
  const two = (value: number) => String(value).padStart(2, '0');
  const minutes = Math.floor(whole / 60);
  return minutes < 60
    ? `${minutes}:${two(whole % 60)}`
    : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}`;
}
