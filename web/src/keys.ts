import { useEffect } from 'preact/hooks';

export type KeyActions = Readonly<Record<string, () => void>>;

/** Keys of the page, by `KeyboardEvent.key` in lower case; what is typed into a field or asked of a menu is left alone. */
export function useKeys(actions: () => KeyActions): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      const target = event.target instanceof HTMLElement ? event.target : null;
      if (target?.closest('input:not([type=range]), select, textarea')) return;
      const key = event.key.toLowerCase();
      // Buttons and the volume have uses of their own for these.
      if (key === ' ' && target?.closest('button, a')) return;
      if (key.startsWith('arrow') && target?.closest('input')) return;
      const action = actions()[key];
      if (action === undefined) return;
      event.preventDefault();
      action();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [actions]);
}
