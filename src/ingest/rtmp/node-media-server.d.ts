/** The small part of node-media-server 4.4.3's protocol modules that this server stands on. They ship without types. */
declare module 'node-media-server/src/protocol/rtmp.js' {
  namespace Rtmp {
    interface Packet {
      readonly header: {
        fmt: number;
        cid: number;
        /** Absolute or delta, as `fmt` says. */
        timestamp: number;
        length: number;
        type: number;
        stream_id: number;
      };
      /** The message's time in ms. */
      clock: number;
      payload: Buffer;
      capacity: number;
      /** How much of the message has come. */
      bytes: number;
    }
  }

  class Rtmp {
    parserBuffer: Buffer;
    parserBasicBytes: number;
    parserPacket: Rtmp.Packet;
    inPackets: Map<number, Rtmp.Packet>;
    inChunkSize: number;
    outChunkSize: number;
    objectEncoding: number;
    /** A whole FLV file parser with a buffer of 1 MiB, made for each connection and unused by RTMP. */
    flv: unknown;
    onOutputCallback: (bytes: Buffer) => void;
    parserData(bytes: Buffer): string | null;
    packetParse(): void;
    packetAlloc(): void;
    packetHandler(): void;
    chunkMessageHeaderRead(): number;
    sendACK(bytes: number): void;
    sendWindowACK(bytes: number): void;
    setPeerBandwidth(bytes: number, type: number): void;
    setChunkSize(bytes: number): void;
    sendStreamStatus(event: number, value: number): void;
    sendInvokeMessage(streamId: number, command: object): void;
    sendStatusMessage(streamId: number, level: string, code: string, description: string): void;
    respondConnect(transaction: number): void;
  }
  export = Rtmp;
}

declare module 'node-media-server/src/protocol/flv.js' {
  interface AvPacket {
    codec_id: number;
    /** 0 audio config, 1 audio frame, 2 video config, 3 keyframe, 4 other picture, 5 script, 6 video metadata. */
    flags: number;
    pts: number;
    dts: number;
  }
  const Flv: { parserTag(type: number, timeMs: number, size: number, payload: Buffer): AvPacket };
  export = Flv;
}

declare module 'node-media-server/src/core/logger.js' {
  const logger: { log: (message: string, level?: string) => void };
  export = logger;
}
