// Runs the cases of a compiled cases.rs: `node cases.mjs MODULE`. A case fails by a trap.

import { readFileSync } from 'node:fs';

const compiled = new WebAssembly.Module(readFileSync(process.argv[2]));

// Returns why a function of a fresh instance fails, or nothing.
function failure(name) {
  let words = '';
  const say = (at, bytes) => {
    words += new TextDecoder().decode(new Uint8Array(instance.exports.memory.buffer, at, bytes));
  };
  const instance = new WebAssembly.Instance(compiled, { cases: { say } });
  try {
    instance.exports.start();
    instance.exports[name]();
  } catch (trap) {
    return words || String(trap);
  }
}

const names = WebAssembly.Module.exports(compiled).map(({ name }) => name);
const cases = names.filter((name) => name.startsWith('case_'));
const failures = cases.map((name) => [name, failure(name)]).filter(([, why]) => why);
failures.forEach(([name, why]) => console.log(`${name}: FAILED: ${why}`));
const blind = !failure('fail')?.includes('on purpose');
console.log(`cases: wasm32 in node ${cases.length - failures.length}`);
process.exit(cases.length === 0 || failures.length > 0 || blind ? 1 : 0);
