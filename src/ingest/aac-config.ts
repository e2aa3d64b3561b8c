import { BitReader, OutOfBits } from './bit-reader.js';

/** What an AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1) says about the sound. */
export interface AacConfig {
  /** Hz as played: for HE-AAC the doubled rate. */
  readonly sampleRate: number;
  /** As played: 2 for parametric stereo. */
  readonly channels: number;
  /** The core's object type: 2 is AAC-LC. */
  readonly objectType: number;
}

const SAMPLE_RATES = [96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350];
/** Table 1.19, channels by channelConfiguration. */
const CHANNELS = [0, 1, 2, 3, 4, 5, 6, 8, 0, 0, 0, 7, 8, 0, 8];
const SBR = 5;
const PARAMETRIC_STEREO = 29;
const SYNC_EXTENSION_SBR = 0x2b7;
const SYNC_EXTENSION_PS = 0x548;
/** Object types whose payload begins with a GASpecificConfig (§4.4.1). */
const GENERAL_AUDIO = new Set([1, 2, 3, 4, 6, 7, 17, 19, 20, 21, 22, 23]);

/** Hz by samplingFrequencyIndex (Table 1.18); 0 where it is reserved or written out. */
export function aacSampleRate(index: number): number {
  return SAMPLE_RATES[index] ?? 0;
}

/** Null where it is cut short, reserved, or of a kind that is no AAC. */
export function readAacConfig(config: Buffer): AacConfig | null {
  try {
    return readConfigBits(new BitReader(config));
  } catch (error) {
    if (error instanceof OutOfBits) return null;
    throw error;
  }
}

function readConfigBits(bits: BitReader): AacConfig | null {
  const declaredType = readObjectType(bits);
  const coreRate = readSampleRate(bits);
  const channelConfiguration = bits.bits(4);
  const explicitSbr = declaredType === SBR || declaredType === PARAMETRIC_STEREO;
  const extensionRate = explicitSbr ? readSampleRate(bits) : null;
  const objectType = explicitSbr ? readObjectType(bits) : declaredType;
  if (!GENERAL_AUDIO.has(objectType)) return null;
  const elementChannels = readGeneralAudio(bits, objectType, channelConfiguration);
  const coreChannels = channelConfiguration === 0 ? elementChannels : (CHANNELS[channelConfiguration] ?? 0);
  const late = explicitSbr ? null : readSyncExtension(bits);
  const sampleRate = extensionRate ?? late?.sampleRate ?? coreRate;
  const stereo = declaredType === PARAMETRIC_STEREO || late?.parametricStereo === true;
  const channels = stereo && coreChannels === 1 ? 2 : coreChannels;
  if (channels === 0 || sampleRate < 4000 || sampleRate > 192_000) return null;
  return { sampleRate, channels, objectType };
}

function readObjectType(bits: BitReader): number {
  const type = bits.bits(5);
  return type === 31 ? 32 + bits.bits(6) : type;
}

function readSampleRate(bits: BitReader): number {
  const index = bits.bits(4);
  return index === 15 ? bits.bits(24) : aacSampleRate(index);
}

/** Reads past the GASpecificConfig (§4.4.1); the answer is the channel count of its program_config_element, if any. */
function readGeneralAudio(bits: BitReader, objectType: number, channelConfiguration: number): number {
  bits.skip(1);
  if (bits.flag()) bits.skip(14);
  const extension = bits.flag();
  const channels = channelConfiguration === 0 ? readProgramConfig(bits) : 0;
  if (objectType === 6 || objectType === 20) bits.skip(3);
  if (extension) {
    if (objectType === 22) bits.skip(16);
    if (objectType === 17 || objectType === 19 || objectType === 20 || objectType === 23) bits.skip(3);
    bits.skip(1);
  }
  return channels;
}

/** program_config_element, §4.4.1.1: counts the channels of its front, side, back and LFE elements. */
function readProgramConfig(bits: BitReader): number {
  bits.skip(10);
  const speakers = bits.bits(4) + bits.bits(4) + bits.bits(4);
  const lfe = bits.bits(2);
  const associated = bits.bits(3);
  const coupling = bits.bits(4);
  for (const size of [4, 4, 3]) if (bits.flag()) bits.skip(size);
  let channels = lfe;
  for (let element = 0; element < speakers; element++) {
    channels += bits.flag() ? 2 : 1;
    bits.skip(4);
  }
  bits.skip(lfe * 4 + associated * 4 + coupling * 5);
  bits.alignToByte();
  bits.skip(bits.bits(8) * 8);
  return channels;
}

/** Backward compatible signalling of SBR and PS after the core's configuration (§1.6.5.2); optional by nature. */
function readSyncExtension(bits: BitReader): { sampleRate: number; parametricStereo: boolean } | null {
  if (bits.bitsLeft < 16 || bits.bits(11) !== SYNC_EXTENSION_SBR) return null;
  if (readObjectType(bits) !== SBR || bits.bitsLeft < 5 || !bits.flag()) return null;
  const sampleRate = readSampleRate(bits);
  const parametricStereo = bits.bitsLeft >= 12 && bits.bits(11) === SYNC_EXTENSION_PS && bits.flag();
  return sampleRate > 0 ? { sampleRate, parametricStereo } : null;
}
