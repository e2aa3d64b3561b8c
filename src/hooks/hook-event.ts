/** What happened to a channel, as webhooks tell it. */
export type HookEvent =
  | { readonly type: 'started'; readonly channel: string; readonly broadcastId: string; readonly at: number }
  | { readonly type: 'stopped'; readonly channel: string; readonly broadcastId: string; readonly at: number }
  | {
      readonly type: 'failed-over';
      readonly channel: string;
      readonly broadcastId: string;
      readonly at: number;
      /** What viewers saw before and see now: `primary`, `backup`, `slate` or `nothing`. */
      readonly from: string;
      readonly to: string;
    }
  | {
      readonly type: 'archived';
      readonly channel: string;
      readonly broadcastId: string;
      readonly at: number;
      /** The video that the broadcast is now. */
      readonly videoId: string;
      readonly durationSec: number;
      /** Whether everything is there that was announced. */
      readonly complete: boolean;
    };

export type HookEventType = HookEvent['type'];

/** The body that is sent: the event with an id of its own, its time in ISO 8601. */
export function hookBody(id: string, event: HookEvent): string {
  const { type, at, ...rest } = event;
  return JSON.stringify({ id, type, at: new Date(at).toISOString(), ...rest });
}
