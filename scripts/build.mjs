// npm run build: src and web into dist.
import { build } from './prepare.mjs';

build();
