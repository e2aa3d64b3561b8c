import type { ApiApp, ApiContext } from './api-app.js';
import { operatorOnly } from './auth.js';
import { boxStatus } from './box-status.js';
import { problemResponse } from './problem.js';

export function addStatusRoutes(app: ApiApp, { status }: ApiContext): void {
  app.get(
    '/v1/status',
    {
      schema: {
        summary: 'What the box is doing',
        description: 'For the operator.',
        tags: ['box'],
        response: { 200: boxStatus, '4xx': problemResponse },
      },
    },
    async (request) => {
      operatorOnly(request.identity);
      return status();
    },
  );
}
