import preact from '@preact/preset-vite';
import { defineConfig } from 'vite';

/** Three pages, no router: home, watch and go live, each with what it alone needs. */
export default defineConfig({
  root: import.meta.dirname,
  plugins: [preact()],
  build: {
    outDir: '../dist/web',
    emptyOutDir: true,
    target: 'es2022',
    chunkSizeWarningLimit: 700,
    rolldownOptions: {
      input: {
        index: `${import.meta.dirname}/index.html`,
        watch: `${import.meta.dirname}/watch.html`,
        'go-live': `${import.meta.dirname}/go-live.html`,
      },
    },
  },
});
