// Copies what the pages carry out of node_modules, each with its licence. Run it after `npm ci --omit=dev`.
import { copyFileSync } from "node:fs";

const FILES = {
  "htmx.min.js": "htmx.org/dist/htmx.min.js",
  "htmx.LICENSE": "htmx.org/LICENSE",
  "source-sans-3-latin.woff2": "@fontsource-variable/source-sans-3/files/source-sans-3-latin-wght-normal.woff2",
  "source-sans-3-latin-ext.woff2": "@fontsource-variable/source-sans-3/files/source-sans-3-latin-ext-wght-normal.woff2",
  "source-sans-3.LICENSE": "@fontsource-variable/source-sans-3/LICENSE",
  "source-serif-4-latin.woff2": "@fontsource-variable/source-serif-4/files/source-serif-4-latin-wght-normal.woff2",
  "source-serif-4.LICENSE": "@fontsource-variable/source-serif-4/LICENSE",
};
for (const [name, from] of Object.entries(FILES)) copyFileSync(`node_modules/${from}`, name);
