import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DEFAULT_LAYOUT, DEFAULT_TEMPLATES } from './default-templates.ts';
import { parseTemplate, TEMPLATE_NAMES, type Template, type TemplateName } from './template.ts';

/** All messages, and the HTML page around them. */
export interface Templates {
  readonly messages: Readonly<Record<TemplateName, Template>>;
  readonly layout: string;
}

const LAYOUT_FILE = 'layout.html';
const LAYOUT_PLACEHOLDERS = ['lang', 'subject', 'content', 'name'];

const fileOf = (name: TemplateName) => `${name}.md`;

/**
 * Reads the operator's templates. Built-in ones replace missing files.
 *
 * @param folder without it, all templates are the built-in ones
 * @returns the templates, or all problems, each with the name of its file
 */
export function readTemplates(
  folder: string | undefined,
): { templates: Templates } | { problems: string[] } {
  const problems: string[] = [];
  const given = folder === undefined ? {} : readFolder(folder, problems);
  const messages: Partial<Record<TemplateName, Template>> = {};
  for (const name of TEMPLATE_NAMES) {
    const parsed = parseTemplate(name, given[fileOf(name)] ?? DEFAULT_TEMPLATES[name]);
    if ('template' in parsed) messages[name] = parsed.template;
    else problems.push(...parsed.problems.map((problem) => `${fileOf(name)} ${problem}`));
  }
  const layout = given[LAYOUT_FILE] ?? DEFAULT_LAYOUT;
  problems.push(...layoutProblems(layout).map((problem) => `${LAYOUT_FILE} ${problem}`));
  if (problems.length > 0) return { problems };
  return { templates: { messages: messages as Record<TemplateName, Template>, layout } };
}

function readFolder(folder: string, problems: string[]): Record<string, string> {
  const known = new Set([...TEMPLATE_NAMES.map(fileOf), LAYOUT_FILE]);
  const files: Record<string, string> = {};
  let names: string[] = [];
  try {
    names = readdirSync(folder).filter((name) => !name.startsWith('.'));
  } catch {
    problems.push('is no folder that can be read');
  }
  for (const name of names.sort()) {
    if (!known.has(name)) {
      problems.push(`${name} is no message; \`mail templates\` writes all that exist`);
      continue;
    }
    try {
      const bytes = readFileSync(join(folder, name));
      files[name] = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    } catch {
      problems.push(`${name} cannot be read as UTF-8 text`);
    }
  }
  return files;
}

function layoutProblems(layout: string): string[] {
  const named = [...layout.matchAll(/\{\{(.*?)\}\}/gs)].map(([, value = '']) => value.trim());
  const known = LAYOUT_PLACEHOLDERS.map((word) => `{{${word}}}`).join(' ');
  return [
    ...named
      .filter((value) => !LAYOUT_PLACEHOLDERS.includes(value))
      .map(() => `has a placeholder that does not exist; there are ${known}`),
    ...(named.includes('content') ? [] : ['lacks {{content}}, where the message goes']),
    // screen readers need it to choose the voice
    ...(named.includes('lang') ? [] : ['lacks {{lang}}, as in <html lang="{{lang}}">']),
  ];
}

/**
 * Writes the built-in templates into a folder for the operator to edit. Existing files are left alone.
 *
 * @returns the names of the written files
 */
export function writeTemplates(folder: string): string[] {
  mkdirSync(folder, { recursive: true });
  const files: [string, string][] = [
    ...TEMPLATE_NAMES.map((name): [string, string] => [fileOf(name), DEFAULT_TEMPLATES[name]]),
    [LAYOUT_FILE, DEFAULT_LAYOUT],
  ];
  return files.flatMap(([name, text]) => (writeNew(join(folder, name), text) ? [name] : []));
}

function writeNew(path: string, text: string): boolean {
  try {
    writeFileSync(path, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}
