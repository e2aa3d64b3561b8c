/** A message that is whole, in the order of arrival. `payload` is never written again, and may be kept. */
interface MessageParts {
  /** The message type id (RTMP 1.0 §5.4, §7.1). */
  readonly type: number;
  readonly streamId: number;
  /** Milliseconds, 32 bits. */
  readonly clock: number;
  readonly payload: Buffer;
}

export type RtmpMessage =
  | (MessageParts & { readonly kind: 'audio' | 'video' })
  | (MessageParts & { readonly kind: 'command' | 'data' | 'control' });

/** What a client did that ends its connection. */
export interface RtmpFault {
  readonly kind: 'fault';
  readonly reason: RtmpFaultReason;
  readonly message: string;
}

export type RtmpFaultReason =
  | 'handshake'
  | 'message-too-long'
  | 'too-much-held'
  | 'chunk-streams'
  | 'chunk-size'
  | 'malformed';

export function fault(reason: RtmpFaultReason, message: string): RtmpFault {
  return { kind: 'fault', reason, message };
}

export const MESSAGE_TYPE = {
  setChunkSize: 1,
  abort: 2,
  acknowledgement: 3,
  userControl: 4,
  windowAckSize: 5,
  peerBandwidth: 6,
  audio: 8,
  video: 9,
  amf3Data: 15,
  amf3Command: 17,
  amf0Data: 18,
  amf0Command: 20,
} as const;

const KINDS: Partial<Record<number, RtmpMessage['kind']>> = {
  [MESSAGE_TYPE.audio]: 'audio',
  [MESSAGE_TYPE.video]: 'video',
  [MESSAGE_TYPE.amf3Data]: 'data',
  [MESSAGE_TYPE.amf3Command]: 'command',
  [MESSAGE_TYPE.amf0Data]: 'data',
  [MESSAGE_TYPE.amf0Command]: 'command',
};

/** What is not media, data or a command is taken as control: unknown types are read past there. */
export function kindOf(type: number): RtmpMessage['kind'] {
  return KINDS[type] ?? 'control';
}
