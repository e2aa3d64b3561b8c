import type { ComponentChildren } from 'preact';

function Icon({ children }: { children: ComponentChildren }) {
  return (
    <svg viewBox="0 0 24 24" width="22" height="22" aria-hidden="true" fill="currentColor">
      {children}
    </svg>
  );
}

const line = { fill: 'none', stroke: 'currentColor', 'stroke-width': 2, 'stroke-linecap': 'round' } as const;

export const PlayIcon = () => (
  <Icon>
    <path d="M7 4.6v14.8c0 .8.9 1.3 1.6.8l11-7.4a1 1 0 0 0 0-1.6l-11-7.4c-.7-.5-1.6 0-1.6.8z" />
  </Icon>
);
export const PauseIcon = () => (
  <Icon>
    <rect x="6" y="4" width="4.2" height="16" rx="1.2" />
    <rect x="13.8" y="4" width="4.2" height="16" rx="1.2" />
  </Icon>
);
export const SoundIcon = ({ muted }: { muted: boolean }) => (
  <Icon>
    <path d="M3 9.5v5c0 .6.4 1 1 1h3.2l4.1 3.6c.6.6 1.7.1 1.7-.8V5.7c0-.9-1.1-1.4-1.7-.8L7.2 8.5H4c-.6 0-1 .4-1 1z" />
    <path d={muted ? 'M16.5 9.5l5 5m0-5l-5 5' : 'M16 8.8a4.5 4.5 0 0 1 0 6.4M18.7 6a8.5 8.5 0 0 1 0 12'} {...line} />
  </Icon>
);
export const StartOverIcon = () => (
  <Icon>
    <path d="M4.5 4.5v4.7h4.7M5 9.2a8 8 0 1 1-1 4.3" {...line} stroke-linejoin="round" />
  </Icon>
);
export const CaptionsIcon = () => (
  <Icon>
    <rect x="2.5" y="5" width="19" height="14" rx="2.5" {...line} />
    <path d="M10.5 10.3a2.2 2.2 0 1 0 0 3.4m7-3.4a2.2 2.2 0 1 0 0 3.4" {...line} />
  </Icon>
);
export const FullscreenIcon = ({ on }: { on: boolean }) => (
  <Icon>
    <path
      d={on ? 'M9 4v5H4m11-5v5h5M9 20v-5H4m11 5v-5h5' : 'M4 9V4h5m6 0h5v5M4 15v5h5m6 0h5v-5'}
      {...line}
      stroke-linejoin="round"
    />
  </Icon>
);
