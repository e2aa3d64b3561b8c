import { createHash } from 'node:crypto';
import type { Rendition } from '../../media/rendition.js';

/** Pixels. */
export interface TileSize {
  readonly width: number;
  readonly height: number;
}

/** How pictures stand on one image: row by row, the last row as far as there are any. */
export interface SheetLayout {
  readonly tile: TileSize;
  readonly columns: number;
  readonly rows: number;
  readonly pictures: number;
}

/** What a picture's name says: of which segment the first is, and how many there are on the sheet. */
export interface SheetName {
  readonly name: string;
  readonly first: number;
  readonly count: number;
}

export const SHEET_PICTURES = 25;
const COLUMNS = 5;
/** Upright pictures are as wide. */
const TILE_WIDTH = 160;
const NAME = /^(0|[1-9]\d{0,11})(?:-([1-9]\d?)-[0-9a-f]{8})?\.jpg$/;

/** Renditions are upright, and their pixels square. */
export function tileSizeOf(rendition: Rendition): TileSize {
  const { width, height } = rendition.kind === 'video' ? rendition : { width: 16, height: 9 };
  return { width: TILE_WIDTH, height: 2 * Math.max(1, Math.round((TILE_WIDTH * height) / width / 2)) };
}

export function layoutOf(tile: TileSize, pictures: number): SheetLayout {
  const columns = Math.min(COLUMNS, pictures);
  return { tile, columns, rows: Math.ceil(pictures / columns), pictures };
}

/**
 * Of the pictures of these segments: a single one is named by its number. A sheet's name has a mark of all its numbers, because
 * another set would be another image, and an address never has two contents.
 */
export function sheetName(numbers: readonly number[]): string {
  const [first = 0] = numbers;
  return numbers.length === 1 ? `${first}.jpg` : `${first}-${numbers.length}-${markOf(numbers)}.jpg`;
}

/** Null for what cannot be such a name; whether it is one, `sheetName` of the segments says. */
export function readSheetName(name: string): SheetName | null {
  const [, first, count = '1'] = NAME.exec(name) ?? [];
  if (first === undefined || Number(count) > SHEET_PICTURES) return null;
  return { name, first: Number(first), count: Number(count) };
}

/** Where on its sheet a picture is: the spatial part of a media fragment (Media Fragments URI 1.0 §4.2.2). */
export function placeOnSheet({ tile, columns }: SheetLayout, at: number): string {
  const { width, height } = tile;
  return `#xywh=${(at % columns) * width},${Math.floor(at / columns) * height},${width},${height}`;
}

function markOf(numbers: readonly number[]): string {
  return createHash('sha256').update(numbers.join()).digest('hex').slice(0, 8);
}
