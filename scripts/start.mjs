// npm start: whatever is missing, then a whole box in this very process, so that signals reach it.
import { requireBuild, requireNode, requirePackages, requirePrograms } from './prepare.mjs';

requireNode();
requirePackages();
requirePrograms({ ffmpeg: 'ffmpeg', ffprobe: 'ffmpeg' });
requireBuild();
process.argv.splice(1, 1, 'headwater', 'up');
await import('../dist/programs/headwater.js');
