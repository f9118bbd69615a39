// Bundles each library of package-lock.json to one module under app/console/vendor, with its licence and notice beside it.
import { readFileSync, writeFileSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const target = process.argv[2] ?? join(here, "../../app/console/vendor");
const BUNDLES = {
  "preact.js": ["preact", "htm", "@preact/signals", "@preact/signals-core"],
  "charts.js": ["lightweight-charts", "fancy-canvas"],
};

rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
const lock = JSON.parse(readFileSync(join(here, "package-lock.json"), "utf8")).packages;
const licences = [];
for (const [file, packages] of Object.entries(BUNDLES)) {
  const names = packages.map((name) => `${name} ${lock[`node_modules/${name}`].version} (${lock[`node_modules/${name}`].license})`);
  await build({
    entryPoints: [join(here, file)],
    outfile: join(target, file),
    bundle: true,
    format: "esm",
    minify: true,
    target: "es2022",
    define: { "process.env.NODE_ENV": '"production"' },
    legalComments: "inline",
    banner: { js: `// ${names.join(", ")}. Made by make vendor; licences in LICENSES.txt.` },
    absWorkingDir: here,
    logLevel: "warning",
  });
  for (const name of packages) {
    licences.push(`==== ${name} ${lock[`node_modules/${name}`].version} ====\n`);
    for (const text of ["LICENSE", "LICENSE.txt", "LICENSE.md", "NOTICE"]) {
      const path = join(here, "node_modules", name, text);
      if (existsSync(path)) licences.push(readFileSync(path, "utf8").trim() + "\n");
    }
  }
}
writeFileSync(join(target, "LICENSES.txt"), licences.join("\n"));
