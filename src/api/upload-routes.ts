import { z } from 'zod';
import { VIDEO_ID } from '../media/media-path.js';
import type { ApiApp } from './api-app.js';
import { Problem, problemResponse } from './problem.js';

export const UPLOAD_PATH = '/v1/videos/upload';

/** Whether a request belongs to the upload server, which speaks tus over the same port. */
export function isUpload(url: string | undefined): boolean {
  const path = url?.split('?', 1)[0] ?? '';
  return path === UPLOAD_PATH || path.startsWith(`${UPLOAD_PATH}/`);
}

const tus =
  'tus 1.0.0 (https://tus.io/protocols/resumable-upload), with creation, creation-with-upload, termination and expiration.';
const params = z.object({ id: z.string().regex(VIDEO_ID) });
const noUploads = async (): Promise<never> => {
  throw new Problem('no-uploads', 'This box takes no uploads.');
};

/**
 * Uploads as the API describes them. Where the box takes uploads they never come here: the server hands them to the upload
 * server before. Where it takes none, these answer so.
 */
export function addUploadRoutes(app: ApiApp): void {
  const route = (summary: string, responses: Record<number, string>) => ({
    summary,
    description: tus,
    tags: ['uploads'],
    response: {
      ...Object.fromEntries(Object.entries(responses).map(([status, words]) => [status, z.null().describe(words)])),
      '4xx': problemResponse,
      '5xx': problemResponse,
    },
  });
  app.post(
    UPLOAD_PATH,
    { schema: route('Begin an upload; its id is the video’s', { 201: 'Location is the path to send the bytes to' }) },
    noUploads,
  );
  const upload = `${UPLOAD_PATH}/:id`;
  app.head(
    upload,
    {
      schema: { ...route('Where an upload stands', { 200: 'Upload-Offset' }), params },
      config: { swagger: { exposeHeadRoute: true } },
    },
    noUploads,
  );
  app.patch(upload, { schema: { ...route('Send bytes', { 204: 'Upload-Offset' }), params } }, noUploads);
  app.delete(upload, { schema: { ...route('Give an upload up', { 204: 'given up' }), params } }, noUploads);
}
