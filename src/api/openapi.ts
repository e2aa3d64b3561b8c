import swagger from '@fastify/swagger';
import { jsonSchemaTransform } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { ApiApp } from './api-app.js';

/** The description of the API, made from the very schemas that check requests; must be added before the routes. */
export async function addOpenApi(app: ApiApp, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Headwater',
        version,
        description: 'The video service of a Headwater box. Every refusal is an RFC 9457 problem document.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: '/' }],
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
          session: { type: 'apiKey', in: 'cookie', name: 'headwater_session' },
        },
      },
      security: [{ bearer: [] }, { session: [] }, {}],
    },
    transform: jsonSchemaTransform,
  });
}

export function addOpenApiRoute(app: ApiApp): void {
  let text: string | null = null;
  app.get(
    '/v1/openapi.json',
    {
      schema: {
        summary: 'This description',
        tags: ['box'],
        response: { 200: z.string().describe('an OpenAPI 3.1 document') },
      },
      // The document is text already.
      serializerCompiler: () => (document) => String(document),
    },
    async (_request, reply) => {
      text ??= JSON.stringify(app.swagger());
      return reply.type('application/json; charset=utf-8').send(text);
    },
  );
}
