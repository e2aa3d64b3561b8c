import type { Command } from 'commander';
import { table } from '../output.js';
import { type BoxOptions, openBox, withBoxOptions } from './box-options.js';

interface User {
  readonly id: string;
  readonly name: string;
  readonly role: string;
}

export function addUserCommands(program: Command): void {
  const user = program.command('user').description('create users and their sign-in links');
  withBoxOptions(user.command('create <name>'))
    .description('create a user; prints a one-time sign-in link and a token for the API')
    .option('--role <role>', 'operator, creator or viewer', 'creator')
    .action(async (name: string, options: BoxOptions & { role: string }) => {
      const { api, output } = openBox(options);
      const created = await api.post<User & { signInUrl: string; token: string }>('/v1/users', {
        name,
        role: options.role,
      });
      output.answer(
        created,
        [
          `user        ${created.name} (${created.role})`,
          `sign in     ${created.signInUrl}`,
          '            (once, within a day; headwater user link NAME makes another)',
          `API token   ${created.token}`,
        ].join('\n'),
      );
    });
  withBoxOptions(user.command('link <name>'))
    .description('make a new one-time sign-in link for a user')
    .action(async (name: string, options: BoxOptions) => {
      const { api, output } = openBox(options);
      const link = await api.post<{ signInUrl: string }>(`/v1/users/${encodeURIComponent(name)}/sign-in-link`);
      output.answer(link, link.signInUrl);
    });
  withBoxOptions(user.command('list'))
    .description('list the users')
    .action(async (options: BoxOptions) => {
      const { api, output } = openBox(options);
      const { users } = await api.get<{ users: User[] }>('/v1/users');
      output.answer(users, table([['NAME', 'ROLE', 'ID'], ...users.map(({ name, role, id }) => [name, role, id])]));
    });
}
